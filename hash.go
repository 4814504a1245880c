package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"gatehouse/auth"
	"gatehouse/password"
)

type hashCommand struct {
	Name string `arg:"" optional:"" help:"The user's name; without it, only the hash is printed."`
	File string `placeholder:"FILE" help:"Put the line into this password file, in the place of the user's old one."`
	Kind string `default:"bcrypt" enum:"${hashKinds}" help:"The kind of hash: ${enum}. nginx knows bcrypt and sha512."`
}

// Run reads a password and prints its line.
func (h hashCommand) Run(p *process) error {
	if h.Name != "" {
		if err := auth.CheckName(h.Name); err != nil {
			return fmt.Errorf("the name %w", err)
		}
		if strings.Contains(h.Name, ":") {
			return errors.New("the name has a colon, which ends a name in a password file")
		}
	}
	if h.File != "" && h.Name == "" {
		return errors.New("--file needs the user's name")
	}
	secret, err := readPassword(p)
	if err != nil {
		return err
	}
	text, err := password.Make(h.Kind, secret)
	if err != nil {
		return err
	}
	if h.Name != "" {
		text = h.Name + ":" + text
	}
	if h.File != "" {
		return h.put(p, text)
	}
	_, err = fmt.Fprintln(p.out, text)
	return err
}

// put writes the line into the password file, and says what that did.
func (h hashCommand) put(p *process, line string) error {
	there, err := replaceUser(h.File, h.Name, line)
	if err != nil {
		return err
	}
	did := "added"
	if there {
		did = "changed the password of"
	}
	_, err = fmt.Fprintf(p.out, "%s: %s %s\n", h.File, did, h.Name)
	return err
}

// readPassword asks twice on a terminal, and reads one line of anything else.
func readPassword(p *process) (string, error) {
	fd := int(p.in.Fd())
	if !term.IsTerminal(fd) {
		line, err := bufio.NewReader(io.LimitReader(p.in, 64<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	first, err := ask(p, fd, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := ask(p, fd, "Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ")
	}
	return first, nil
}

func ask(p *process, fd int, prompt string) (string, error) {
	fmt.Fprint(p.err, prompt)
	text, err := term.ReadPassword(fd)
	fmt.Fprintln(p.err)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(text), nil
}
