package jwt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Keyring holds the keys of one gateway: those of a list, of which the first signs, or those of a folder, each
// of which signs from a time of its own until that of the next. It never changes.
type Keyring struct {
	keys  []dated // of a folder: in the order in which they sign
	timed bool
	keep  time.Duration // how long a key is published after its last token
}

type dated struct {
	Key
	from time.Time // of a folder's key: when it begins to sign
}

// A phase is what a keyring does for a while.
type phase struct {
	signer    Key
	published []Key
	until     time.Time // the next phase; zero: this one does not end
}

// at returns the phase at now. It depends on the clock and on nothing that happened before, so that gateways with
// the same files agree.
func (r *Keyring) at(now time.Time) phase {
	p := phase{signer: r.keys[0].Key}
	if !r.timed {
		for _, k := range r.keys {
			p.published = append(p.published, k.Key)
		}
		return p
	}
	for i, k := range r.keys {
		if !now.Before(k.from) {
			p.signer = k.Key
		}
		p.ends(k.from, now)
		if i+1 < len(r.keys) {
			gone := r.keys[i+1].from.Add(r.keep)
			p.ends(gone, now)
			if !now.Before(gone) {
				continue
			}
		}
		p.published = append(p.published, k.Key)
	}
	return p
}

// ends notes that the phase at now is over at t.
func (p *phase) ends(t, now time.Time) {
	if t.After(now) && (p.until.IsZero() || t.Before(p.until)) {
		p.until = t
	}
}

func (p *phase) same(other phase) bool {
	return p.signer.ID == other.signer.ID &&
		slices.EqualFunc(p.published, other.published, func(a, b Key) bool { return a.ID == b.ID })
}

// maxRing is more keys than anybody needs, and few enough for every client's limit.
const maxRing = 32

// keyTime is the name of a key in a folder: when it begins to sign, in UTC.
const keyTime = "20060102T150405Z"

// errNoKey says that a folder is there, and nothing in it.
var errNoKey = errors.New("holds no key: make one with: gatehouse key rotate")

// listRing reads the keys of a list of files.
func listRing(files []KeyFile) (*Keyring, int, error) {
	r := &Keyring{}
	for i, f := range files {
		k, err := readKeyFile(f.File)
		if err != nil {
			return nil, i, err
		}
		if r.has(k) {
			return nil, i, fmt.Errorf("%s holds the key of an earlier one", f.File)
		}
		r.keys = append(r.keys, dated{Key: k})
	}
	return r, 0, nil
}

func (r *Keyring) has(k Key) bool {
	return slices.ContainsFunc(r.keys, func(d dated) bool { return d.ID == k.ID })
}

// keyPaths are a folder's files in the order of their names, and so of their times. Those that begin with a dot are not
// among them: they are being written, or Kubernetes' own.
func keyPaths(folder string) (paths []string, err error) {
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: make it, and the first key, with: gatehouse key rotate", err)
	case err != nil:
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			paths = append(paths, filepath.Join(folder, e.Name()))
		}
	}
	return paths, nil
}

// folderRing reads the keys of a folder. It returns the paths of their files, even with an error.
func folderRing(folder string, keep time.Duration) (*Keyring, []string, error) {
	paths, err := keyPaths(folder)
	if err != nil {
		return nil, nil, err
	}
	r := &Keyring{timed: true, keep: keep}
	switch {
	case len(paths) == 0:
		return nil, nil, fmt.Errorf("%s %w", folder, errNoKey)
	case len(paths) > maxRing:
		return nil, paths, fmt.Errorf("%s holds %d files, more than %d", folder, len(paths), maxRing)
	}
	for _, path := range paths {
		if err := r.add(path); err != nil {
			return nil, paths, err
		}
	}
	return r, paths, nil
}

func (r *Keyring) add(path string) error {
	from, err := beginOf(path)
	if err != nil {
		return err
	}
	if n := len(r.keys); n > 0 && !from.After(r.keys[n-1].from) {
		return fmt.Errorf("%s: another key begins to sign then, too", path)
	}
	k, err := readKeyFile(path)
	if err != nil {
		return err
	}
	if r.has(k) {
		return fmt.Errorf("%s holds the key of an earlier one", path)
	}
	r.keys = append(r.keys, dated{k, from})
	return nil
}

// beginOf is when the key in a folder's file begins to sign.
func beginOf(path string) (time.Time, error) {
	name, ending, _ := strings.Cut(filepath.Base(path), ".")
	from, err := time.Parse(keyTime, name)
	if err != nil || ending != "pem" && ending != "jwk" {
		return time.Time{}, fmt.Errorf("%s: the name is not the time from which a key signs, such as 20261122T040000Z.pem", path)
	}
	return from, nil
}

// A KeyState is what one key does at a time.
type KeyState struct {
	Key
	From  time.Time // when it begins to sign; zero where it has no time
	State string    // signs, published, retired (and still published), gone
}

// KeyStates tells of every key that [Config.ReadKeys] read.
func (c Config) KeyStates(now time.Time) []KeyState {
	if c.ring == nil { // the first one is still to be made
		return nil
	}
	p, began := c.ring.at(now), false
	list := make([]KeyState, len(c.ring.keys))
	for i, k := range slices.Backward(c.ring.keys) {
		state := "published"
		switch {
		case k.ID == p.signer.ID:
			state, began = "signs", c.ring.timed
		case !slices.ContainsFunc(p.published, func(other Key) bool { return other.ID == k.ID }):
			state = "gone"
		case began:
			state = "retired"
		}
		list[i] = KeyState{k.Key, k.from, state}
	}
	return list
}
