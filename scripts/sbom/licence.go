package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// marks are what a licence's text has and no other's.
var marks = []struct {
	licence string
	text    *regexp.Regexp
}{
	{"AGPL", regexp.MustCompile(`(?m)^\s*GNU AFFERO GENERAL PUBLIC LICENSE`)},
	{"GPL", regexp.MustCompile(`(?m)^\s*GNU GENERAL PUBLIC LICENSE`)},
	{"LGPL", regexp.MustCompile(`(?m)^\s*GNU LESSER GENERAL PUBLIC LICENSE`)},
	{"Apache-2.0", regexp.MustCompile(`Apache License,?\s+Version 2\.0`)},
	{"BSD", regexp.MustCompile(`Redistribution and use in source and binary forms`)},
	{"ISC", regexp.MustCompile(`Permission to use, copy, modify,? and(/or)? distribute this software`)},
	{"MIT", regexp.MustCompile(`Permission is hereby granted, free of charge`)},
	{"MPL-2.0", regexp.MustCompile(`Mozilla Public License,? [Vv]ersion 2\.0`)},
}

// nameBSD is in the BSD licence of three clauses, and not in that of two.
var nameBSD = regexp.MustCompile(`(?i)neither the names?\s+of`)

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([-._].*)?$`)

// moduleLicence reads the licence files of a module: an SPDX expression of all that they name.
func moduleLicence(path, version string) (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", path+"@"+version).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", path, version, err)
	}
	folder := regexp.MustCompile(`"Dir": "([^"]+)"`).FindSubmatch(out)
	if folder == nil {
		return "", fmt.Errorf("%s %s: has no folder", path, version)
	}
	entries, err := os.ReadDir(string(folder[1]))
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, e := range entries {
		if !e.Type().IsRegular() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		one, err := os.ReadFile(filepath.Join(string(folder[1]), e.Name()))
		if err != nil {
			return "", err
		}
		text.Write(one)
	}
	names := licencesIn(text.String())
	if len(names) == 0 {
		return "", fmt.Errorf("%s %s: no licence that is known", path, version)
	}
	return strings.Join(names, " AND "), nil
}

// licencesIn names the licences that stand in a text, by their SPDX identifiers.
func licencesIn(text string) (names []string) {
	for _, m := range marks {
		if !m.text.MatchString(text) {
			continue
		}
		name := m.licence
		if name == "BSD" {
			name = "BSD-2-Clause"
			if nameBSD.MatchString(text) {
				name = "BSD-3-Clause"
			}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
