package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// The user of the rows that need one: 60 letters of Basic.
const (
	alice         = "alice.liddell"
	alicePassword = "through-the-looking-glass-1871"
)

// userLine is a line of a password file.
func userLine(name, password string, cost int) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	// $2y$ is what htpasswd and nginx's crypt(3) call it.
	return name + ":" + strings.Replace(string(hash), "$2a$", "$2y$", 1) + "\n", err
}

// passwordFile makes a file in the bench's folder, of which alice is the first user.
func (b *bench) passwordFile(name string, cost int, more ...string) (string, error) {
	line, err := userLine(alice, alicePassword, cost)
	if err != nil {
		return "", err
	}
	return b.write(name, line+strings.Join(more, ""))
}

// prepareLine writes, beside a password file, its next version, which has another line of one user.
func prepareLine(file, name, line string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, after, found := strings.Cut("\n"+string(text), "\n"+name+":")
	_, after, ended := strings.Cut(after, "\n")
	if !found || !ended {
		return fmt.Errorf("%s has no line of %s", file, name)
	}
	return os.WriteFile(file+".new", []byte(strings.TrimPrefix(before+"\n", "\n")+line+after), 0o644)
}

// takeOver puts the prepared version in the file's place at once, and waits until g goes by it.
func (b *bench) takeOver(g *gateway, file string) error {
	seen, err := g.count("gatehouse_file_reloads_total", `"loaded"`)
	if err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	const now = 20 * time.Millisecond // to show all metrics costs g something too
	return g.await(b.ctx, now, func() error {
		n, err := g.count("gatehouse_file_reloads_total", `"loaded"`)
		if err == nil && n == seen {
			err = fmt.Errorf("%s was not read again", file)
		}
		return err
	})
}

// htpasswdProvider is an entry in config.yaml.
func htpasswdProvider(realm, file string) string {
	return fmt.Sprintf("  - { name: %s, type: htpasswd, realm: %s, file: %q }\n", realm, realm, file)
}

var bcryptLetters = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)

// strangers are lines of n users whom no password opens: each hash is one that could be, and nobody made.
func strangers(n, cost int) string {
	var text strings.Builder
	random := rand.NewChaCha8([32]byte{})
	var salt [16]byte
	var digest [23]byte
	for i := range n {
		_, _ = random.Read(salt[:])
		_, _ = random.Read(digest[:])
		fmt.Fprintf(&text, "stranger-%07d:$2y$%02d$%s%s\n", i, cost, bcryptLetters.EncodeToString(salt[:]), bcryptLetters.EncodeToString(digest[:]))
	}
	return text.String()
}
