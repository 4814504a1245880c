package main

import (
	"fmt"
	"io"
	"strings"
)

// A row is one line of the table: what was measured, what it must reach, and what came out.
type row struct {
	What, Target, Measured string
	Verdict                verdict
}

// A verdict says whether a row reaches its target.
type verdict string

const (
	reached verdict = "reached"
	missed  verdict = "MISSED"
	shown   verdict = ""       // without a target, beside others for contrast
	failed  verdict = "FAILED" // the measurement itself
)

func verdictOf(ok bool) verdict {
	if ok {
		return reached
	}
	return missed
}

func printTable(w io.Writer, rows []row) {
	fmt.Fprintln(w, "| what | must reach | measured | |")
	fmt.Fprintln(w, "|---|---|---|---|")
	for _, r := range rows {
		cells := []string{r.What, r.Target, r.Measured, string(r.Verdict)}
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(strings.ReplaceAll(c, "|", "/"), "\n", " ")
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
}
