package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

const list = "../../docs/dependencies.txt"

// binary builds gatehouse as make build does, once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "gh-sbom-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "gatehouse")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, "gatehouse")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, _ := binary(); path != "" {
		_ = os.RemoveAll(path)
		_ = os.Remove(filepath.Dir(path))
	}
	os.Exit(code)
}

func built(t *testing.T) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// allowed are the licences that a library of gatehouse's may have.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

// A new dependency, another version, another licence: it shows in the diff of docs/dependencies.txt.
func TestDependencies(t *testing.T) {
	var got bytes.Buffer
	if err := write(&got, built(t), "", "", true); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("docs/dependencies.txt is not what is in the binary: run make dependencies, and argue for what is new\n%s", &got)
	}
	known, err := readDependencies(list)
	if err != nil {
		t.Fatal(err)
	}
	if len(known) < 20 {
		t.Fatalf("only %d modules", len(known))
	}
	for module, licences := range known {
		for licence := range strings.SplitSeq(licences, " AND ") {
			if !slices.Contains(allowed, licence) {
				t.Errorf("%s is under %s, which is not one of %v", module, licence, allowed)
			}
		}
	}
}

// The bill has every module that `go version -m` tells, once, and the standard library.
func TestEveryModuleIsInTheBillOnce(t *testing.T) {
	b := billOf(t)
	times := map[string]int{}
	for _, c := range b.Components {
		times[c.Name+" "+c.Version]++
	}
	out, err := exec.Command("go", "version", "-m", built(t)).Output()
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile(`(?m)^\t(?:dep|=>)\t(\S+)\t(\S+)`).FindAllStringSubmatch(string(out), -1)
	for _, m := range told {
		if n := times[m[1]+" "+m[2]]; n != 1 {
			t.Errorf("%s %s is in the bill %d times", m[1], m[2], n)
		}
	}
	if len(b.Components) != len(told)+1 || times["std "+strings.TrimPrefix(goVersion(t), "go")] != 1 {
		t.Errorf("%d components, want %d modules and the standard library", len(b.Components), len(told))
	}
}

func goVersion(t *testing.T) string {
	t.Helper()
	info, err := buildinfo.ReadFile(built(t))
	if err != nil {
		t.Fatal(err)
	}
	return info.GoVersion
}

func billOf(t *testing.T) document {
	t.Helper()
	var text bytes.Buffer
	if err := write(&text, built(t), "v1.2.3", list, false); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := write(&again, built(t), "v1.2.3", list, false); err != nil || text.String() != again.String() {
		t.Fatalf("a second one differs: %v", err)
	}
	var b document
	d := json.NewDecoder(&text)
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		t.Fatal(err)
	}
	return b
}

// What CycloneDX's schema demands of the parts that we write.
func TestTheBillIsCycloneDX(t *testing.T) {
	b := billOf(t)
	if b.Format != "CycloneDX" || b.Spec != "1.6" || b.Version < 1 || b.Schema != "http://cyclonedx.org/schema/bom-1.6.schema.json" {
		t.Errorf("%q %q %d %q", b.Format, b.Spec, b.Version, b.Schema)
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(b.Serial) {
		t.Errorf("serial number %s", b.Serial)
	}
	refs := map[string]bool{}
	for _, c := range append(slices.Clone(b.Components), b.Metadata.Component) {
		if refs[c.Ref] || c.Ref == "" {
			t.Errorf("bom-ref %q is not one of its own", c.Ref)
		}
		refs[c.Ref] = true
		if c.Name == "" || c.Version == "" || !slices.Contains([]string{"library", "application"}, c.Type) || len(c.Licenses) != 1 {
			t.Errorf("%+v", c)
		}
		if !regexp.MustCompile(`^pkg:golang/[A-Za-z0-9._~/-]+@[A-Za-z0-9._~%-]+$`).MatchString(c.PURL) {
			t.Errorf("no package URL: %s", c.PURL)
		}
		if c.Type == "library" && c.Name != "std" && (len(c.Properties) != 1 || !strings.HasPrefix(c.Properties[0].Value, "h1:")) {
			t.Errorf("%s: no checksum of go.sum: %v", c.Name, c.Properties)
		}
	}
	for _, d := range b.Dependencies {
		for _, ref := range append(slices.Clone(d.DependsOn), d.Ref) {
			if !refs[ref] {
				t.Errorf("%s depends on %s, which is not there", d.Ref, ref)
			}
		}
	}
	if len(b.Dependencies) != 1 || len(b.Dependencies[0].DependsOn) != len(b.Components) {
		t.Errorf("gatehouse depends on %d of %d components", len(b.Dependencies[0].DependsOn), len(b.Components))
	}
}

func TestLicencesAreTold(t *testing.T) {
	for text, want := range map[string]string{
		"MIT License\n\nPermission is hereby granted, free of charge, to any person":                                     "MIT",
		"Redistribution and use in source and binary forms":                                                              "BSD-2-Clause",
		"Redistribution and use in source and binary forms\n * Neither the name of Google nor":                           "BSD-3-Clause",
		"Redistribution and use in source and binary forms\nNeither the names\n of its":                                  "BSD-3-Clause",
		"                                 Apache License\n                           Version 2.0, January 2004":          "Apache-2.0",
		"Permission to use, copy, modify, and/or distribute this software for any purpose":                               "ISC",
		"Mozilla Public License Version 2.0\n or the GNU General Public License, Version 2.0":                            "MPL-2.0",
		"                    GNU GENERAL PUBLIC LICENSE\n":                                                               "GPL",
		"GNU LESSER GENERAL PUBLIC LICENSE":                                                                              "LGPL",
		"GNU AFFERO GENERAL PUBLIC LICENSE":                                                                              "AGPL",
		"Permission is hereby granted, free of charge\nLicensed under the Apache License, Version 2.0 (the \"License\")": "Apache-2.0 AND MIT",
		"All rights reserved.": "",
	} {
		if got := strings.Join(licencesIn(text), " AND "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// A binary with a module that nobody wrote down gets no bill.
func TestAnUnknownModuleIsAFault(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(empty, []byte("example.org/module v1.0.0 MIT\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(new(bytes.Buffer), built(t), "v1", empty, false); err == nil || !strings.Contains(err.Error(), "make dependencies") {
		t.Errorf("%v", err)
	}
}
