package provider

import (
	"fmt"
	"hash/maphash"
	"maps"
	"strings"
	"testing"
)

// Names whose digests are the same are told apart all the same.
func TestARosterTellsNamesApart(t *testing.T) {
	const text = "alice:$apr1$a\nbob:$apr1$b:more\r\ncarol:$apr1$c"
	r := newRoster(text)
	r.add("alice", 0)
	for _, name := range []string{"bob", "carol"} { // as if their digest were alice's
		r.lines[maphash.String(r.seed, name)] = 0
		r.add(name, strings.Index(text, name))
	}
	r.lines[maphash.String(r.seed, "dave")] = 0
	for name, want := range map[string]string{"alice": "$apr1$a", "bob": "$apr1$b", "carol": "$apr1$c", "dave": "", "eve": "", "": "", "alice:$apr1$a": ""} {
		if got, ok := r.hash(name); got != want || ok != (want != "") {
			t.Errorf("%q: %q %t, want %q", name, got, ok, want)
		}
	}
}

func TestARosterListsEverybodyOnce(t *testing.T) {
	var text strings.Builder
	want := map[string]string{}
	r := newRoster("")
	for n := range 1000 {
		name, hash := fmt.Sprint("user", n), fmt.Sprint("$apr1$", n)
		want[name] = hash
		at := text.Len()
		fmt.Fprintf(&text, "%s:%s\n", name, hash)
		r.text = text.String()
		r.add(name, at)
	}
	if got := maps.Collect(r.all()); !maps.Equal(got, want) || r.len() != len(want) {
		t.Errorf("%d listed, want %d", len(got), len(want))
	}
}

func BenchmarkRosterHash(b *testing.B) {
	text := strings.Repeat("x", 100) + "\nalice:$apr1$a\n"
	r := newRoster(text)
	r.add("alice", 101)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := r.hash("alice"); !ok {
			b.Fatal("gone")
		}
	}
}
