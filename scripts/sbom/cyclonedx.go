package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
)

// A document is what CycloneDX 1.6 (ECMA-424) calls a BOM, as far as we use it. It says no time and has no random
// number, so that the same binary gives the same bytes.
type document struct {
	Schema       string       `json:"$schema"`
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Serial       string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Licenses   []licence  `json:"licenses,omitempty"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type licence struct {
	Expression string `json:"expression"`
}

// A property is a name and a value. The checksum of go.sum is one: it is of a list of files, and no hash that
// CycloneDX has a name for.
type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// bill is the bill of materials of a binary. licences are known under "module version".
func bill(info *buildinfo.BuildInfo, version string, licences map[string]string) (document, error) {
	if version == "" {
		return document{}, errors.New("-version is missing")
	}
	main := component{
		Type: "application", Name: info.Main.Path, Version: version, PURL: purl(info.Main.Path, version),
		Licenses: []licence{{"Apache-2.0"}}, Properties: settings(info),
	}
	main.Ref = main.PURL
	toolchain := strings.TrimPrefix(info.GoVersion, "go")
	all := []component{{
		Type: "library", Name: "std", Version: toolchain, PURL: purl("std", toolchain), Ref: purl("std", toolchain),
		Licenses: []licence{{"BSD-3-Clause"}},
	}}
	for _, m := range modules(info) {
		c, err := library(m, licences)
		if err != nil {
			return document{}, err
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b component) int { return strings.Compare(a.Ref, b.Ref) })
	uses := dependency{Ref: main.Ref}
	digest := sha256.New()
	fmt.Fprintln(digest, main)
	for _, c := range all {
		uses.DependsOn = append(uses.DependsOn, c.Ref)
		fmt.Fprintln(digest, c)
	}
	return document{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1,
		Serial: serial(digest.Sum(nil)), Metadata: metadata{main}, Components: all, Dependencies: []dependency{uses},
	}, nil
}

func library(m debug.Module, licences map[string]string) (component, error) {
	c := component{Type: "library", Name: m.Path, Version: m.Version, PURL: purl(m.Path, m.Version)}
	c.Ref = c.PURL
	found, ok := licences[m.Path+" "+m.Version]
	if !ok {
		return c, fmt.Errorf("%s %s is not in docs/dependencies.txt: run make dependencies", m.Path, m.Version)
	}
	c.Licenses = []licence{{found}}
	if m.Sum != "" {
		c.Properties = []property{{"gatehouse:go.sum", m.Sum}}
	}
	return c, nil
}

// settings are those that change what the compiler makes.
func settings(info *buildinfo.BuildInfo) (list []property) {
	for _, s := range info.Settings {
		if s.Key == "CGO_ENABLED" || strings.HasPrefix(s.Key, "GO") {
			list = append(list, property{"gatehouse:" + s.Key, s.Value})
		}
	}
	return list
}

// purl is the package URL of a Go module; "+" stands in some versions.
func purl(path, version string) string {
	return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// serial is a UUID of version 8 (RFC 9562): of what is in the document, and of nothing else.
func serial(sum []byte) string {
	u := slices.Clone(sum[:16])
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
