package main

import (
	"fmt"

	"gatehouse/ecflowrc"
)

type ecflowCommand struct {
	File string `arg:"" help:"The .ecflowapirc."`
	URL  string `arg:"" help:"The server as the client is told it: https://HOST:PORT."`
}

// Run says what the real client does with the file, and fails where that is not what its owner wants.
func (e ecflowCommand) Run(p *process) error {
	verdict, err := ecflowrc.CheckFile(e.File, e.URL)
	if err != nil {
		return err
	}
	fmt.Fprint(p.out, verdict)
	if !verdict.OK() {
		return exitCode(1)
	}
	return nil
}
