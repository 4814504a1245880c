package main

import (
	"fmt"
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
	if doc.Failed() || k.Strict && len(faults) > 0 {
		return exitCode(1)
	}
	verdict := "ok"
	if len(faults) > 0 {
		verdict = "ok, with warnings"
	}
	_, err := fmt.Fprintf(p.out, "%s: %s\n", p.config, verdict)
	return err
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
