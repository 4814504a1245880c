package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// KeyKinds are the kinds of [Generate].
func KeyKinds() []string { return []string{"ed25519", "ec", "rsa"} }

// rsaBits is the length of a new modulus. A longer one signs much slower and makes longer tokens.
const rsaBits = 2048

// maxKeyFile is far above any key.
const maxKeyFile = 64 << 10

// Generate makes a key of a kind of [KeyKinds].
func Generate(kind string) (Key, error) {
	var private crypto.Signer
	var err error
	switch kind {
	case "ed25519":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case "ec":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "rsa":
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		return Key{}, fmt.Errorf("jwt: a key of kind %q is not known", kind)
	}
	if err != nil {
		return Key{}, fmt.Errorf("jwt: make a key: %w", err)
	}
	return newKey(private)
}

// Kind is the key's, of [KeyKinds].
func (k Key) Kind() string {
	return map[string]string{"EdDSA": "ed25519", "ES256": "ec", "RS256": "rsa"}[k.Algorithm]
}

// Write puts the key into a new file, as PEM of PKCS #8 with mode 0600. A file that is there stays; the error is
// then [fs.ErrExist]. Nobody reads half of it. Root makes it that of the folder's owner, who is to read it.
func (k Key) Write(path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return fmt.Errorf("jwt: write a key: %w", err)
	}
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, ".key.*") // mode 0600
	if err != nil {
		return fmt.Errorf("jwt: write a key: %w", err)
	}
	defer os.Remove(f.Name())
	err = pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	err = errors.Join(err, giveToOwner(f, folder))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		if err = os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
			err = thereError(path)
		}
	}
	if err != nil {
		return fmt.Errorf("jwt: write a key: %w", err)
	}
	return nil
}

// A thereError names the file that Write does not write over. It is [fs.ErrExist].
type thereError string

func (e thereError) Error() string        { return string(e) + ": is there already" }
func (e thereError) Is(target error) bool { return target == fs.ErrExist }

// giveToOwner has root make a file that of the folder's owner, who is to use it.
func giveToOwner(f *os.File, folder string) error {
	info, err := os.Stat(folder)
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	s := info.Sys().(*syscall.Stat_t)
	return f.Chown(int(s.Uid), int(s.Gid))
}

// readKeyFile reads a file that holds one private key, and nobody else may read.
func readKeyFile(path string) (Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, err
	}
	if err := checkPrivate(path, info); err != nil {
		return Key{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, err
	}
	private, err := parsePrivate(text)
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w", path, err)
	}
	k, err := newKey(private)
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// checkPrivate refuses a file that others may read. A group may read what is another's, as gatehouse itself does
// then: Kubernetes mounts secrets so for a pod's fsGroup.
func checkPrivate(path string, info fs.FileInfo) error {
	mode, others := info.Mode().Perm(), fs.FileMode(0o077)
	if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Geteuid() {
		others = 0o037
	}
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file", path)
	case info.Size() > maxKeyFile:
		return fmt.Errorf("%s has more than %d bytes", path, maxKeyFile)
	case mode&others != 0:
		return fmt.Errorf("%s may be read by others (mode %04o): run: chmod 600 %s, and think of replacing it", path, mode, path)
	}
	return nil
}
