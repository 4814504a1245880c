package provider

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync/atomic"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/password"
)

// Htpasswd is a password file as Apache and nginx write it, read as nginx reads it.
type Htpasswd struct {
	File       string `yaml:"file" path:"true" doc:"The password file: NAME:HASH lines."`
	GroupFile  string `yaml:"group_file" path:"true" doc:"A group file as Apache writes it (GROUP: NAME NAME): a user's groups are their roles."`
	WeakHashes bool   `yaml:"weak_hashes" doc:"Whether {SHA}, {SSHA}, $1$ and {PLAIN} are accepted too."`
}

// Check reports a file that cannot be read. Lines that cannot be used stop nobody: see [Htpasswd.Inspect].
func (h *Htpasswd) Check(r conf.Report) {
	if h.File == "" {
		r.Fault("file", "is missing")
		return
	}
	if _, err := readFile(h.File); errors.Is(err, fs.ErrNotExist) {
		r.Fault("file", "%v: make a first user with: gatehouse hash NAME --file %s", err, h.File)
	} else if err != nil {
		r.Fault("file", "%v: the user that gatehouse runs as must be able to read it", err)
	}
	if h.GroupFile == "" {
		return
	}
	if _, err := readFile(h.GroupFile); err != nil {
		r.Fault("group_file", "%v", err)
	}
}

// Inspect reports the lines that gatehouse would log and go on without, for a command that is asked to
// find them.
func (h *Htpasswd) Inspect(r conf.Report) {
	v, err := h.read(nil)
	if err != nil {
		return // Check has said so
	}
	for _, p := range v.problems {
		r.Fault(p.key, "%s", p)
	}
	if v.users.len() == 0 {
		r.Warn("file", "%s has no user: nobody can log in", h.File)
	}
}

// A version is what the files said at one time. It is not changed once it is made.
type version struct {
	users    *roster
	groups   map[string][]string // name to roles
	problems []problem
	text     string            // of the password file
	sum      [sha256.Size]byte // of the texts
	torn     bool              // the last line stops in the middle
	decoy    *password.Hash    // what an unknown user costs; nil without users
	mixed    bool              // costs differ so much that a clock tells a cheap user from an unknown one
}

// nobody is the version of no file.
func nobody() *version { return &version{users: newRoster("")} }

// read reads both files once. Where they say what old does, which may be nil, it is old.
func (h *Htpasswd) read(old *version) (*version, error) {
	text, err := readFile(h.File)
	if err != nil {
		return nil, err
	}
	groups := ""
	if h.GroupFile != "" {
		if groups, err = readFile(h.GroupFile); err != nil {
			return nil, err
		}
	}
	sum, err := sumOf(text, groups)
	if err != nil {
		return nil, err
	}
	if old != nil && old.sum == sum { // a large file need not be twice in memory
		return old, nil
	}
	v := parseUsers(text, h.File, h.WeakHashes)
	v.text, v.sum = text, sum
	if h.GroupFile != "" {
		var problems []problem
		v.groups, problems = parseGroups(groups, h.GroupFile)
		v.problems = append(v.problems, problems...)
	}
	return v, nil
}

// sumOf is a digest of texts. It takes them in small pieces: the collector, and so everybody, waits for the end
// of a piece.
func sumOf(texts ...string) (sum [sha256.Size]byte, err error) {
	h, piece := sha256.New(), make([]byte, 64<<10)
	for _, text := range texts {
		if err := binary.Write(h, binary.LittleEndian, uint64(len(text))); err != nil {
			return sum, err
		}
		if _, err := io.CopyBuffer(h, struct{ io.Reader }{strings.NewReader(text)}, piece); err != nil {
			return sum, err
		}
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// htpasswd answers from the newest good version of its files.
type htpasswd struct {
	Htpasswd
	env     Env
	current atomic.Pointer[version] // nil while a file is gone
}

// Open reads the files, and follows their changes until ctx ends.
func (h *Htpasswd) Open(ctx context.Context, env Env) (auth.Authenticator, error) {
	a := &htpasswd{Htpasswd: *h, env: env}
	w, err := newFollower(a)
	if err != nil {
		return nil, err
	}
	go follow(ctx, env, w.folders(), w.step)
	return a, nil
}

var errGone = errors.New("its password file is gone")

// Authenticate checks a password. An unknown user, or one whose line cannot be used, costs what the
// file's dearest hash costs.
func (a *htpasswd) Authenticate(ctx context.Context, c auth.Credential) (auth.User, error) {
	if c.Form != auth.Password {
		return auth.User{}, auth.ErrNotMine
	}
	v := a.current.Load()
	if v == nil {
		return auth.User{}, errGone
	}
	hash, known := v.hash(c.Username, a.WeakHashes)
	if hash == nil {
		return auth.User{}, auth.ErrDenied
	}
	ok, err := a.env.Hashes.Verify(ctx, c.Username, *hash, string(c.Secret))
	switch {
	case err != nil:
		return auth.User{}, err
	case !ok || !known:
		return auth.User{}, auth.ErrDenied
	}
	return auth.User{Name: c.Username, Roles: v.groups[c.Username], Record: v.record(c.Username)}, nil
}

// record is a fingerprint of a user's line with their groups; "" for an unknown one. It does not show the hash.
func (v *version) record(name string) string {
	hash, ok := v.users.hash(name)
	if !ok {
		return ""
	}
	h := sha256.New()
	for _, part := range append([]string{hash}, v.groups[name]...) {
		_ = binary.Write(h, binary.LittleEndian, uint32(len(part)))
		_, _ = io.WriteString(h, part)
	}
	return string(h.Sum(nil))
}

// hash returns the user's hash, or the decoy (nil if there are no users at all) and false.
func (v *version) hash(name string, weak bool) (*password.Hash, bool) {
	text, ok := v.users.hash(name)
	if !ok {
		return v.decoy, false
	}
	h, err := password.Parse(text, weak)
	if err != nil { // cannot be: the version holds only lines that parsed
		return v.decoy, false
	}
	return &h, true
}

// weigh finds what an unknown user has to cost.
func (v *version) weigh(pool *password.Pool, weak bool) {
	v.decoy, v.mixed = decoyOf(pool, func(yield func(password.Hash) bool) {
		for _, text := range v.users.all() {
			if h, err := password.Parse(text, weak); err == nil && !yield(h) {
				return
			}
		}
	})
}

// refusal says why a new version must not replace the old one: it looks half-written.
func (v *version) refusal() error {
	if v.users.len() == 0 && len(v.problems) > 0 {
		return fmt.Errorf("none of its lines can be used: %s", v.problems[0])
	}
	return nil
}

var errTorn = errors.New("the last line stops in the middle")
