package main

import (
	"fmt"
	"io"
	"strings"

	"gatehouse/conf"
)

type checkCommand struct {
	Strict bool `help:"Take warnings for errors."`
}

// An inspector finds in its files what serve would log and go on without.
type inspector interface{ Inspect(r conf.Report) }

// Run shows every fault of the configuration and of the files it names.
func (k checkCommand) Run(p *process) error {
	c, doc := load(p.config, p.environ)
	if !doc.Failed() {
		c.Audit.Inspect(doc.Report().At("audit"))
		c.JWT.Inspect(doc.Report().At("jwt"))
		for i, entry := range c.Providers {
			if files, ok := entry.Config.(inspector); ok {
				files.Inspect(doc.Report().At("providers", i))
			}
		}
	}
	faults := doc.Faults()
	for _, f := range faults {
		fmt.Fprintln(p.err, f)
	}
	if doc.Failed() {
		return exitCode(1)
	}
	refused := k.Strict && len(faults) > 0
	if err := k.tell(p, c, doc, refused); err != nil || !refused {
		return err
	}
	return exitCode(1)
}

// tell writes the verdict on a configuration without a fault, if it is not refused, and what becomes of one of
// auth-o-tron.
func (checkCommand) tell(p *process, c *Config, doc *conf.Document, refused bool) error {
	verdict := p.config + ": ok\n"
	switch {
	case refused:
		verdict = ""
	case len(doc.Faults()) > 0:
		verdict = p.config + ": ok, with warnings\n"
	}
	if _, err := io.WriteString(p.out, verdict); err != nil {
		return err
	}
	if m := newMigration(p.config, p.environ, c, doc); m != nil {
		return m.report(p.out)
	}
	return nil
}

type schemaCommand struct{}

// Run prints the schema that editors check config.yaml against.
func (schemaCommand) Run(p *process) error {
	schema, err := conf.Schema(defaults(), "gatehouse config.yaml")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, strings.TrimSpace(string(schema)))
	return err
}
