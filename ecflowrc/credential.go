package ecflowrc

import (
	"fmt"
	"strings"

	"gatehouse/auth"
)

// known reports whether the client looks at e at all.
func (e *entry) known() bool { return e.kind == "bearer" || e.kind == "basic" }

// sends tells what leaves the client when e is used.
func (e *entry) sends() Sends {
	switch {
	case e.kind == "bearer" && e.key != "":
		return Bearer
	case e.kind == "basic" && e.username+e.password != "":
		return Basic
	}
	return Nothing
}

// faults are the reasons why the credential of e arrives nowhere, or is refused as malformed.
func (e *entry) faults() []string {
	var list []string
	add := func(is bool, text string) {
		if is {
			list = append(list, text)
		}
	}
	if e.kind == "bearer" {
		add(e.key == "", "its key is empty; the client sends the request UNAUTHENTICATED")
		add(len(e.key) > auth.MaxToken, fmt.Sprintf("its key is longer than the %d bytes that gatehouse takes", auth.MaxToken))
		add(strings.ContainsFunc(e.key, isControl), "its key has a control character, which breaks the request (a line break at its end?)")
		add(strings.ContainsFunc(e.key, notInToken), "its key has a character that no bearer token may have (RFC 6750), such as a space")
		return list
	}
	if e.username == "" && e.password == "" {
		return []string{"its username and password are empty; the client sends the request UNAUTHENTICATED"}
	}
	add(e.username == "", "its username is empty")
	add(e.password == "", "its password is empty")
	add(strings.Contains(e.username, ":"), "its username has a colon: servers take what follows for the password (RFC 7617)")
	add(strings.ContainsFunc(e.username+e.password, isControl), "its username or password has a control character")
	return list
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

func notInToken(r rune) bool {
	return !isControl(r) && (r > 0x7e || !strings.ContainsRune("-._~+/=", r) && !isDigit(byte(r)) && !isLetter(byte(r)))
}
