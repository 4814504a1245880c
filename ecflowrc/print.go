package ecflowrc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxFile bounds what CheckFile reads.
const maxFile = 1 << 20

// CheckFile is [Check] for the file at path, and looks at its mode too. The error says that it cannot be
// read.
func CheckFile(path, server string) (Verdict, error) {
	file, err := os.Open(path)
	if err != nil {
		return Verdict{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Verdict{}, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return Verdict{}, err
	}
	if len(data) > maxFile {
		return Verdict{}, &fs.PathError{Op: "read", Path: path, Err: errors.New("longer than 1 MiB")}
	}
	v := Check(path, data, server)
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		v.warn("others than its owner may use the file (mode %#o): chmod 600", mode)
	}
	return v, nil
}

// String is what [Verdict.WriteTo] writes.
func (v Verdict) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s for %s: the client %s\n", v.Path, v.Server, v.summary())
	for i, e := range v.Entries {
		fmt.Fprintf(&out, "entry %d: %s\n", i+1, e)
	}
	for _, fault := range v.Faults {
		fmt.Fprintf(&out, "fault: %s\n", fault)
	}
	for _, warning := range v.Warnings {
		fmt.Fprintf(&out, "warning: %s\n", warning)
	}
	return out.String()
}

// WriteTo writes v for people: one line that says what the client sends, then a line for each entry,
// fault and warning.
func (v Verdict) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, v.String())
	return int64(n), err
}

func (v Verdict) summary() string {
	switch v.Sends {
	case Bearer:
		return fmt.Sprintf("uses entry %d and sends its API key", v.Used+1)
	case Basic:
		return fmt.Sprintf("uses entry %d and sends the name %q and its password", v.Used+1, v.Entries[v.Used].Username)
	case NoConnection:
		return "sends nothing and reports a failed connection"
	case Undecided:
		return "hangs"
	}
	return "sends no credential"
}

// String describes e in a line, without its secret.
func (e Entry) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "type %q, server %q", e.Type, e.Pattern)
	if e.Type == "basic" {
		fmt.Fprintf(&out, ", username %q", e.Username)
	}
	if e.Matches {
		out.WriteString(", matches")
	}
	for _, note := range e.Notes {
		fmt.Fprintf(&out, "; %s", note)
	}
	return out.String()
}
