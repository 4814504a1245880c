package conf

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// twinSuffix makes the name of the key that takes a secret from a file.
const twinSuffix = "_file"

const maxSecretBytes = 64 << 10

// secretOf is the value of a secret: its own key's, or the content of the file its twin names.
// Of two from different sources the later wins; two from one source are a fault.
func secretOf(r Report, n *node, name string) *node {
	own, twin := n.get(name), n.get(name+twinSuffix)
	at := r.At(name + twinSuffix)
	switch {
	case twin == nil || own != nil && own.layer() > twin.layer():
		return own
	case own != nil && own.layer() == twin.layer():
		at.fault(twin, "%s is set as well, want only one of the two", name)
		return nil
	case twin.kind != text:
		at.fault(twin, "want the name of a file, not %s", twin.kind)
		return nil
	case twin.text == "":
		at.fault(twin, "names no file")
		return nil
	}
	path := r.doc.resolve(twin.text)
	if !slices.Contains(r.doc.secrets, path) {
		r.doc.secrets = append(r.doc.secrets, path)
	}
	content, err := readSecret(path)
	if err != nil {
		at.fault(twin, "%s", err)
		return nil
	}
	return &node{kind: text, text: content, line: twin.line, env: twin.env}
}

// readSecret returns the file's content less one newline at its end, which editors add.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() { // a pipe would block the start, and be empty at a reload
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxSecretBytes {
		return "", fmt.Errorf("%s is larger than %d bytes", path, maxSecretBytes)
	}
	if line, ok := strings.CutSuffix(string(content), "\n"); ok {
		return strings.TrimSuffix(line, "\r"), nil
	}
	return string(content), nil
}
