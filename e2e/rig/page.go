package rig

import (
	"os"
	"strings"
	"testing"
)

// A Block is one fenced block of commands of a page that operators read. Above it stands either
//
//	<!-- test: NAME -->    a test runs it
//	<!-- not run: WHY -->  none can
//
// and below it, in a block of text, what it prints.
type Block struct {
	Name, NotRun string
	Commands     string
	Prints       string
}

// Blocks returns the blocks of commands of a page, in their order.
func Blocks(t *testing.T, page string) (blocks []Block) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var fence, above string // the fence that is open, and the last line before it that is not empty
	var inside strings.Builder
	for line := range strings.Lines(string(text)) {
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence = strings.TrimSpace(line)
			inside.Reset()
			if fence == "```sh" {
				blocks = append(blocks, Block{Name: marked(above, "test"), NotRun: marked(above, "not run")})
			}
		case fence != "" && strings.TrimSpace(line) == "```":
			switch {
			case fence == "```sh":
				blocks[len(blocks)-1].Commands = inside.String()
			case fence == "```text" && above == "```sh":
				blocks[len(blocks)-1].Prints = inside.String()
			}
			above, fence = fence, ""
		case fence != "":
			inside.WriteString(line)
		case strings.TrimSpace(line) != "":
			above = strings.TrimSpace(line)
		}
	}
	if fence != "" {
		t.Fatalf("%s: a block does not end", page)
	}
	return blocks
}

// marked is what a comment says behind its first word.
func marked(line, word string) string {
	rest, ok := strings.CutPrefix(line, "<!-- "+word+": ")
	if rest, end := strings.CutSuffix(rest, " -->"); ok && end {
		return rest
	}
	return ""
}
