package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"gatehouse/jwt"
)

type keyCommand struct {
	Generate keyGenerateCommand `cmd:"" help:"Write a new private key to a file."`
	Rotate   keyRotateCommand   `cmd:"" help:"Make the next key of jwt.keys_dir, and remove those that nobody needs any more."`
	List     keyListCommand     `cmd:"" help:"Show the keys of config.yaml: which signs, and which are published."`
}

type keyGenerateCommand struct {
	File string `arg:"" help:"The file, which must not be there yet."`
	Kind string `default:"ed25519" enum:"${keyKinds}" help:"The kind of key: ${enum}. They sign with EdDSA, ES256, RS256."`
}

// Run writes a key and shows its name.
func (k keyGenerateCommand) Run(p *process) error {
	key, err := jwt.Generate(k.Kind)
	if err != nil {
		return err
	}
	if err := key.Write(k.File); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s: %s %s\n", k.File, key.Algorithm, key.ID)
	return err
}

type keyRotateCommand struct {
	Kind string `default:"" enum:",${keyKinds}" help:"The kind of key: ed25519, ec or rsa. Default: that of the last key, or ed25519."`
	Now  bool   `help:"The new key signs at once. Backends that remember the key set refuse its tokens until they ask again."`
}

// Run makes the next key.
func (k keyRotateCommand) Run(p *process) error {
	c, doc := loadWithoutKeys(p.config, p.environ)
	if doc.Failed() {
		return fmt.Errorf("%s", firstFault(doc))
	}
	if c.JWT.KeysDir == "" {
		return errors.New("jwt.keys_dir is not set")
	}
	done, err := c.JWT.Rotate(k.Kind, k.Now, time.Now())
	if err != nil {
		return err
	}
	for _, path := range done.Removed {
		fmt.Fprintf(p.out, "%s: removed\n", path)
	}
	_, err = fmt.Fprintf(p.out, "%s: %s %s signs from %s\n", done.File, done.Key.Algorithm, done.Key.ID, done.From.Format(time.RFC3339))
	return err
}

type keyListCommand struct{}

// Run shows each key with what it does now.
func (keyListCommand) Run(p *process) error {
	c, doc := load(p.config, p.environ)
	if doc.Failed() {
		return fmt.Errorf("%s", firstFault(doc))
	}
	if !c.JWT.HasKeys() {
		return errors.New("neither jwt.keys nor jwt.keys_dir is set: a secret signs")
	}
	if c.JWT.AwaitsFirst() {
		return fmt.Errorf("%s holds no key yet: gatehouse makes the first one when it starts", c.JWT.KeysDir)
	}
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, s := range c.JWT.KeyStates(time.Now()) {
		from := "-"
		if !s.From.IsZero() {
			from = s.From.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.ID, s.Algorithm, from, s.State)
	}
	return table.Flush()
}
