package gate

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatehouse/auth"
	"gatehouse/cache"
)

const (
	maxRemembered  = 64 << 20        // bytes, about, of identities
	maxRefusals    = 40_000          // refusals remembered at once
	refusalsLive   = 5 * time.Second // so long is a refusal remembered
	maxLogins      = 16              // credentials remembered of one user
	identityWeight = 512             // bytes of an identity beside its texts
)

// A Memory remembers whose a credential is. It holds no credential: keys are digests under a random key of
// this process. What is refused has a place of its own, so that junk pushes no user out. It is safe for
// concurrent use.
type Memory struct {
	secret  [32]byte
	yes     *cache.Cache[*identity]
	no      *cache.Cache[error]
	scratch sync.Pool // of *[]byte, for what a key is made of
	mu      sync.Mutex
	epoch   uint64                 // mu; counts what Forget was called for
	flights map[cache.Key]*flight  // mu; questions under way that may be joined
	logins  map[holder][]cache.Key // mu; what is remembered of each user, the oldest first
}

// A holder is the user whom a remembered login belongs to.
type holder struct{ provider, name string }

// NewMemory returns a memory that has nothing to remember yet.
func NewMemory() (*Memory, error) {
	m := &Memory{flights: map[cache.Key]*flight{}, logins: map[holder][]cache.Key{}}
	m.scratch.New = func() any { return new([]byte) }
	_, _ = rand.Read(m.secret[:]) // never fails (crypto/rand, since Go 1.24)
	var err error
	if m.yes, err = cache.New[*identity](maxRemembered); err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	if m.no, err = cache.New[error](maxRefusals); err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	return m, nil
}

// Close ends what the memory does in the background. It is not to be used after.
func (m *Memory) Close() {
	m.yes.Close()
	m.no.Close()
}

// key names what c means to the sources that may see it: SHA-256 over the process's secret and every part
// with its length before it, so that no two different questions are written alike.
func (m *Memory) key(c *auth.Credential, sources []uint64) cache.Key {
	scratch := m.scratch.Get().(*[]byte)
	b := append((*scratch)[:0], m.secret[:]...)
	for _, word := range sources {
		b = binary.LittleEndian.AppendUint64(b, word)
	}
	b = append(b, byte(c.Form))
	for _, part := range [...]string{string(c.Scheme), c.Username, string(c.Secret)} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	k := cache.Key(sha256.Sum256(b))
	clear(b) // no secret stays in the pool
	*scratch = b
	m.scratch.Put(scratch)
	return k
}

// recall returns what is remembered of a key: an identity, or why nobody is let in by it.
func (m *Memory) recall(k cache.Key, now time.Time) (*identity, error) {
	if id, ok := m.yes.Get(k, now); ok && id.fresh(now) {
		return id, nil
	}
	if err, ok := m.no.Get(k, now); ok {
		return nil, err
	}
	return nil, nil
}

// keep remembers the answer of a question that began in epoch, unless something was forgotten since. An
// outage is not an answer.
func (m *Memory) keep(k cache.Key, epoch uint64, id *identity, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case epoch != m.epoch:
	case id != nil:
		m.yes.Put(k, id, id.weight(), id.last)
		m.note(k, holder{id.user.Provider, id.user.Name})
	case definite(err):
		m.no.Put(k, slim(err), 1, time.Now().Add(refusalsLive))
	}
}

// slim is a refusal with no more of the user than the log tells: there may be many, and users can be large.
func slim(err error) error {
	if f, ok := errors.AsType[*Forbidden](err); ok {
		return &Forbidden{Reason: f.Reason, User: auth.User{Realm: f.User.Realm, Name: f.User.Name, Provider: f.User.Provider}, detail: f.detail}
	}
	return err
}

// note counts a login of h, and forgets the oldest over the bound. m.mu is held.
func (m *Memory) note(k cache.Key, h holder) {
	if len(m.logins) > 2*m.yes.Len()+1000 {
		m.recount()
	}
	list := m.logins[h]
	if i := slices.Index(list, k); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if len(list) == maxLogins {
		m.yes.Delete(list[0])
		list = slices.Delete(list, 0, 1)
	}
	m.logins[h] = append(list, k)
}

// recount drops the users of whom nothing is remembered any more. m.mu is held.
func (m *Memory) recount() {
	now := time.Now()
	for h, list := range m.logins {
		list = slices.DeleteFunc(list, func(k cache.Key) bool { _, ok := m.yes.Get(k, now); return !ok })
		if len(list) == 0 {
			delete(m.logins, h)
			continue
		}
		m.logins[h] = list
	}
}

// refute forgets every login of the user who is remembered under a key, if the provider that said so once
// now says no: what it said under other keys is no more to be trusted.
func (m *Memory) refute(k cache.Key, provider string) {
	id, ok := m.yes.Get(k, time.Now())
	if !ok || id.user.Provider != provider {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	h := holder{provider, id.user.Name}
	for _, login := range m.logins[h] {
		m.yes.Delete(login)
	}
	delete(m.logins, h)
	m.yes.Delete(k)
}

// Forget forgets every user whom match names, and every refusal. The answer of a question that began before
// is neither kept nor shared with those who ask after it.
func (m *Memory) Forget(match func(auth.User) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	clear(m.flights)
	m.no.Clear()
	m.yes.DeleteFunc(func(id *identity) bool { return match(id.user) })
}
