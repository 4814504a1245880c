package gate

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/auth"
	"gatehouse/cache"
)

const (
	maxRemembered  = 64 << 20        // bytes, about, of identities
	maxRefusals    = 40_000          // refusals remembered at once
	refusalsLive   = 5 * time.Second // so long is a refusal remembered
	maxLogins      = 16              // credentials remembered of one user
	identityWeight = 600             // bytes of an identity beside its texts
)

// A Memory remembers whose a credential is. It holds no credential: keys are digests under a random key of
// this process. What is refused has a place of its own, so that junk pushes no user out. It is safe for
// concurrent use.
type Memory struct {
	secret  [32]byte
	ids     atomic.Uint64 // the last that NewID gave
	yes     *cache.Cache[*identity]
	no      *cache.Cache[error]
	scratch sync.Pool // of *[]byte, for what a key is made of
	recalls recalls
	mu      sync.Mutex
	epoch   uint64                // mu; counts what Forget was called for
	flights map[cache.Key]*flight // mu; questions under way that may be joined
	logins  map[holder][]login    // mu; what is remembered of each user, the oldest first
	names   map[owned]string      // mu; whose a credential is that a provider knows
}

// A holder is the user whom a remembered login belongs to.
type holder struct{ provider, name string }

// A login is one key of the memory, and the digest of its credential.
type login struct{ key, digest cache.Key }

// An owned credential is one that a provider has said yes to.
type owned struct {
	provider string
	digest   cache.Key
}

// NewMemory returns a memory that has nothing to remember yet.
func NewMemory() (*Memory, error) {
	m := &Memory{flights: map[cache.Key]*flight{}, logins: map[holder][]login{}, names: map[owned]string{}}
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

// NewID returns an ID for a source whose answers nothing is remembered of yet.
func (m *Memory) NewID() uint64 { return m.ids.Add(1) }

// key names what c means to those of sources that may see it: SHA-256 over the process's secret and every part
// with its length before it, the sources' IDs last, so that no two different questions are written alike.
func (m *Memory) key(c *auth.Credential, sources []Source, may sourceSet) cache.Key {
	scratch := m.scratch.Get().(*[]byte)
	b := append((*scratch)[:0], m.secret[:]...)
	b = append(b, byte(c.Form))
	for _, part := range [...]string{string(c.Scheme), c.Username, string(c.Secret)} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	for i := range sources {
		if may.has(i) {
			b = binary.LittleEndian.AppendUint64(b, sources[i].ID)
		}
	}
	k := cache.Key(sha256.Sum256(b))
	clear(b) // no secret stays in the pool
	*scratch = b
	m.scratch.Put(scratch)
	return k
}

// digest names c itself, whoever is asked about it.
func (m *Memory) digest(c *auth.Credential) cache.Key { return m.key(c, nil, sourceSet{}) }

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

// keep remembers the answer of a question that began in epoch, unless something was forgotten since, and
// reports whether it has. An outage is not an answer.
func (m *Memory) keep(k cache.Key, epoch uint64, id *identity, err error) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case epoch != m.epoch:
		return false
	case id == nil && definite(err):
		m.no.Put(k, slim(err), 1, time.Now().Add(refusalsLive))
		return true
	case id == nil, id.past != nil && !m.goesOn(k, id.past):
		return false
	}
	id.past = nil
	m.yes.Put(k, id, id.weight(), id.kept())
	m.note(login{k, id.digest}, holder{id.user.Provider, id.user.Name})
	return true
}

// replace remembers an identity in the place of one that says the same on other terms, or to another gate, if
// that is still there.
func (m *Memory) replace(old, id *identity) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now, ok := m.yes.Get(old.key, time.Now()); !ok || now != old {
		return
	}
	m.yes.Put(id.key, id, id.weight(), id.kept())
	if id.key != old.key {
		h := holder{id.user.Provider, id.user.Name}
		m.yes.Delete(old.key)
		m.logins[h] = slices.DeleteFunc(m.logins[h], func(l login) bool { return l.key == old.key })
		m.note(login{id.key, id.digest}, h)
	}
}

// slim is a refusal with no more of the user than the log tells: there may be many, and users can be large.
func slim(err error) error {
	if f, ok := errors.AsType[*Forbidden](err); ok {
		return &Forbidden{Reason: f.Reason, User: auth.User{Realm: f.User.Realm, Name: f.User.Name, Provider: f.User.Provider}, detail: f.detail}
	}
	return err
}

// goesOn reports whether past is still what is remembered under a key: a no may have come meanwhile, to another
// question about the credential. m.mu is held.
func (m *Memory) goesOn(k cache.Key, past *identity) bool {
	now, ok := m.yes.Get(k, time.Now())
	return ok && now == past
}

// note lists a login of h, and forgets the oldest over the bound. m.mu is held.
func (m *Memory) note(l login, h holder) {
	if len(m.logins) > 2*m.yes.Len()+1000 {
		m.recount()
	}
	list := m.logins[h]
	if i := slices.Index(list, l); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	var oldest login
	if len(list) == maxLogins {
		oldest = list[0]
		m.yes.Delete(oldest.key)
		list = slices.Delete(list, 0, 1)
	}
	m.logins[h] = append(list, l)
	m.names[owned{h.provider, l.digest}] = h.name
	m.disown(h, oldest.digest)
}

// disown drops a credential of h if none of their logins is by it any more. m.mu is held.
func (m *Memory) disown(h holder, digest cache.Key) {
	o := owned{h.provider, digest}
	if m.names[o] == h.name && !slices.ContainsFunc(m.logins[h], func(l login) bool { return l.digest == digest }) {
		delete(m.names, o)
	}
}

// recount drops the users of whom nothing is remembered any more. m.mu is held.
func (m *Memory) recount() {
	now := time.Now()
	for h, list := range m.logins {
		left := slices.DeleteFunc(slices.Clone(list), func(l login) bool { _, ok := m.yes.Get(l.key, now); return !ok })
		if m.logins[h] = left; len(left) == 0 {
			delete(m.logins, h)
		}
		for _, l := range list {
			m.disown(h, l.digest)
		}
	}
}

// refute forgets every login of the user as whose the provider once knew a credential, to which it now says no,
// whatever else was asked for with it.
func (m *Memory) refute(digest cache.Key, provider string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name, ok := m.names[owned{provider, digest}]
	if !ok {
		return
	}
	h := holder{provider, name}
	list := m.logins[h]
	delete(m.logins, h)
	for _, l := range list {
		m.yes.Delete(l.key)
		m.disown(h, l.digest)
	}
}

// Forget forgets every user whom match names, who are none if it is nil, and every refusal. The answer of a question that began before
// is neither kept nor shared with those who ask after it.
func (m *Memory) Forget(match func(auth.User) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	clear(m.flights)
	m.no.Clear()
	if match != nil {
		m.yes.DeleteFunc(func(id *identity) bool { return match(id.user) })
	}
}
