package jwt

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/auth"
)

// SecretFile is the name under which a secret that gatehouse made is kept in its state folder.
const SecretFile = "jwt.secret"

// KeptSecret returns the secret kept in the folder dir, and makes and keeps one (mode 0600) where there
// is none yet. made tells which. Of several processes that start at once, all get the same secret.
func KeptSecret(dir string) (secret auth.Secret, made bool, err error) {
	path := filepath.Join(dir, SecretFile)
	secret, err = readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, false, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", false, fmt.Errorf("jwt: keep a secret: %w", err)
	}
	if err := writeSecret(dir, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", false, fmt.Errorf("jwt: keep a secret: %w", err)
	} else if err == nil {
		made = true
	}
	secret, err = readSecret(path)
	return secret, made, err
}

// writeSecret puts a whole new secret in place at once; the error is fs.ErrExist where another process
// was first.
func writeSecret(dir, path string) error {
	raw := make([]byte, 48)
	_, _ = rand.Read(raw)                         // never fails (crypto/rand, since Go 1.24)
	f, err := os.CreateTemp(dir, SecretFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(raw) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

func readSecret(path string) (auth.Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("jwt: %s is no regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("jwt: %s may be read by others (mode %04o): run: chmod 600 %s, and think of replacing it",
			path, info.Mode().Perm(), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("jwt: kept secret: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if len(secret) < MinSecret {
		return "", fmt.Errorf("jwt: %s holds fewer than %d bytes: remove it to have a new one made", path, MinSecret)
	}
	return auth.Secret(secret), nil
}
