package provider

import (
	"hash/maphash"
	"iter"
	"strings"
)

// A roster finds the hashes of a password file's text by name. It holds where a user's line begins and no
// string of it: a collector that had to follow a million of them would take the processors from requests.
type roster struct {
	text  string
	seed  maphash.Seed
	lines map[uint64]uint32 // from a name's digest to where its line begins
	clash map[string]uint32 // the same for names whose digest another one has
}

// shortestLine is about the length in bytes of a line with the shortest hash. A file of shorter ones, none of
// which is a user, gets no room for them.
const shortestLine = 32

// newRoster returns the roster of a text, which is shorter than 4 GiB, without a user.
func newRoster(text string) *roster {
	room := min(strings.Count(text, "\n"), len(text)/shortestLine)
	return &roster{text: text, seed: maphash.MakeSeed(), lines: make(map[uint64]uint32, room), clash: map[string]uint32{}}
}

// add lists name, whose line begins at a place of the text, and which is not listed yet.
func (r *roster) add(name string, at int) {
	digest := maphash.String(r.seed, name)
	if _, taken := r.lines[digest]; taken {
		r.clash[name] = uint32(at)
		return
	}
	r.lines[digest] = uint32(at)
}

// hash returns the hash in the line of name.
func (r *roster) hash(name string) (hash string, ok bool) {
	at, ok := r.lines[maphash.String(r.seed, name)]
	if !ok {
		return "", false
	}
	if listed, hash := splitUser(r.text[at:]); listed == name {
		return hash, true
	}
	if at, ok = r.clash[name]; ok {
		_, hash = splitUser(r.text[at:])
	}
	return hash, ok
}

func (r *roster) len() int { return len(r.lines) + len(r.clash) }

// all yields every name with its hash, in no order.
func (r *roster) all() iter.Seq2[string, string] {
	return func(yield func(name, hash string) bool) {
		for _, at := range r.lines {
			if !yield(splitUser(r.text[at:])) {
				return
			}
		}
		for _, at := range r.clash {
			if !yield(splitUser(r.text[at:])) {
				return
			}
		}
	}
}

// splitUser splits the line with which text begins: NAME:HASH, where the hash ends at a colon, a carriage
// return or the end of the line.
func splitUser(text string) (name, hash string) {
	line, _, _ := strings.Cut(text, "\n")
	name, hash, _ = strings.Cut(line, ":")
	if end := strings.IndexAny(hash, ":\r"); end >= 0 {
		hash = hash[:end]
	}
	return name, hash
}
