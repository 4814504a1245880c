package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Mutant is one wrong change, and the tests that notice it.
type Mutant struct {
	Source   string // the table's file and line
	Name     string // what is wrong then, as a sentence
	Guards   string // the numbers of docs/security-checks.md
	File     string // from the root, with slashes
	Old, New string // Old stands in File once
	Tests    []Tests
}

// Tests are top-level tests of one package, such as ./gate.
type Tests struct {
	Package string
	Names   []string
}

// ReadAll reads every table in folder.
func ReadAll(folder string) ([]Mutant, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, err
	}
	var all []Mutant
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		list, err := Parse(filepath.Base(path), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no mutants in %s", folder)
	}
	return all, nil
}

// Parse reads a table.
func Parse(source, text string) ([]Mutant, error) {
	var list []Mutant
	var old, after []string
	end := func() error {
		if len(list) == 0 {
			return nil
		}
		m := &list[len(list)-1]
		m.Old, m.New = strings.Join(old, "\n"), strings.Join(after, "\n")
		old, after = nil, nil
		if m.Guards == "" || m.File == "" || m.Old == "" || m.Old == m.New || len(m.Tests) == 0 {
			return fmt.Errorf("%s: it needs guards, file, tests, and a line with - that is changed", m.Source)
		}
		return nil
	}
	for i, line := range strings.Split(text, "\n") {
		at := fmt.Sprintf("%s:%d", source, i+1)
		if name, ok := strings.CutPrefix(line, "mutant: "); ok {
			if err := end(); err != nil {
				return nil, err
			}
			list = append(list, Mutant{Source: at, Name: name})
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("%s: stands before the first mutant", at)
		}
		switch line[0] {
		case '-':
			old = append(old, line[1:])
		case '+':
			after = append(after, line[1:])
		default:
			if err := list[len(list)-1].set(line); err != nil {
				return nil, fmt.Errorf("%s: %w", at, err)
			}
		}
	}
	return list, end()
}

func (m *Mutant) set(line string) error {
	key, value, _ := strings.Cut(line, ": ")
	switch key {
	case "guards":
		m.Guards = value
	case "file":
		m.File = value
	case "tests":
		fields := strings.Fields(value)
		if len(fields) < 2 {
			return errors.New("tests wants a package and names")
		}
		m.Tests = append(m.Tests, Tests{fields[0], fields[1:]})
	default:
		return fmt.Errorf("%q is none of guards, file and tests", key)
	}
	return nil
}

// Apply returns text with the change in it.
func (m *Mutant) Apply(text string) (string, error) {
	if n := strings.Count(text, m.Old); n != 1 {
		return "", fmt.Errorf("no longer applies: its text stands in %s %d times", m.File, n)
	}
	return strings.Replace(text, m.Old, m.New, 1), nil
}

// Baselines are all tests that mutants name, once for each package.
func Baselines(mutants []Mutant) []Tests {
	var list []Tests
	for _, m := range mutants {
		for _, t := range m.Tests {
			i := slices.IndexFunc(list, func(other Tests) bool { return other.Package == t.Package })
			if i < 0 {
				i, list = len(list), append(list, Tests{Package: t.Package})
			}
			for _, name := range t.Names {
				if !slices.Contains(list[i].Names, name) {
					list[i].Names = append(list[i].Names, name)
				}
			}
		}
	}
	return list
}
