// Command sbom says what is in a binary: every module that was compiled into it, as a CycloneDX bill of materials, or
// as the list with licences that docs/dependencies.txt holds.
//
//	sbom -version v1.2.3 bin/gatehouse >bin/gatehouse.cdx.json
//	sbom -dependencies bin/gatehouse >docs/dependencies.txt
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

func main() {
	version := flag.String("version", "", "the release that the binary is")
	licences := flag.String("licences", "docs/dependencies.txt", "the list with the modules' licences")
	list := flag.Bool("dependencies", false, "write that list")
	flag.Parse()
	if err := write(os.Stdout, flag.Arg(0), *version, *licences, *list); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func write(out io.Writer, binary, version, licences string, list bool) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("%s: %w", binary, err)
	}
	if list {
		return writeDependencies(out, info)
	}
	known, err := readDependencies(licences)
	if err != nil {
		return err
	}
	b, err := bill(info, version, known)
	if err != nil {
		return err
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(b)
}

// modules are those in the binary, each as it was really compiled in.
func modules(info *buildinfo.BuildInfo) []debug.Module {
	var all []debug.Module
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		all = append(all, *m)
	}
	return all
}

// writeDependencies writes a line for each module: its name, its version, its licence.
func writeDependencies(out io.Writer, info *buildinfo.BuildInfo) error {
	for _, m := range modules(info) {
		licence, err := moduleLicence(m.Path, m.Version)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s %s %s\n", m.Path, m.Version, licence); err != nil {
			return err
		}
	}
	return nil
}

// readDependencies returns the licences of writeDependencies's list, under "module version".
func readDependencies(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(fields) != 3 {
			return nil, errors.New(path + ": a line is not: MODULE VERSION LICENCE")
		}
		known[fields[0]+" "+fields[1]] = fields[2]
	}
	return known, nil
}
