package secrets_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/e2e/canary"
)

// A sweep gives out secrets, keeps what gatehouse says, and at the end looks for the ones in the other.
type sweep struct {
	t       *testing.T
	mu      sync.Mutex // guards what follows
	secrets []string
	said    map[string]string // by place
}

func newSweep(t *testing.T) *sweep { return &sweep{t: t, said: map[string]string{}} }

// secret returns a secret of its own, 32 bytes and more that may stand in a token, behind a prefix. A part near
// its beginning is what is looked for: somebody may cut a text that is too long.
func (s *sweep) secret(prefix string) string { return prefix + s.word() + tail }

const tail = "/a+tail~that_is_32_bytes_by_itself"

// word returns a short secret, which may stand anywhere.
func (s *sweep) word() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	word := fmt.Sprintf("Zq%03dxK%03d", len(s.secrets), 7*len(s.secrets)%1000)
	s.secrets = append(s.secrets, word)
	return word
}

// hash returns the hash of a password, which is a secret as well.
func (s *sweep) hash(password string) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		s.t.Fatal(err)
	}
	s.hide(string(hash[7:20]))
	return string(hash)
}

// hide has a text looked for too.
func (s *sweep) hide(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, text)
}

// tell keeps what was said in a place.
func (s *sweep) tell(place, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said[place] += text + "\n"
}

// check fails the test for each secret that was said.
func (s *sweep) check() {
	s.t.Helper()
	for _, place := range slices.Sorted(maps.Keys(s.said)) {
		canary.Check(s.t, place, s.said[place], s.secrets)
	}
}
