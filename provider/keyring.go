package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/jwt"
)

const (
	// keysCooldown is the least time between two looks for newer keys, whoever wants them.
	keysCooldown = 10 * time.Second
	// keysTimeout is how long one look may take.
	keysTimeout = 10 * time.Second
	// maxWanted is how many tokens of unknown keys are told apart.
	maxWanted = 1000
)

// A keyring has the keys of an identity provider. It asks for them every so often, soon again after a failure, and
// when a token names one that it does not have. The last good set stays while there is no newer one. Why it is our own
// and no library's: docs/architecture.md, "What a provider must keep".
type keyring struct {
	env          Env
	ctx          context.Context // of the provider: what the keyring starts ends with it
	certURI      *url.URL        // nil: discovery says where the keys are
	issuer       string          // of the discovery document
	insecureHTTP bool
	every        time.Duration
	build        func(*jwt.KeySet) (*jwt.Verifier, error)

	current atomic.Pointer[keyed] // nil until the first good set

	mu     sync.Mutex // guards all below
	flight chan struct{}
	looked time.Time                       // the end of the latest look; zero before the first
	failed error                           // what it met with
	wanted map[[sha256.Size]byte]time.Time // by digest: when a token first came whose key is not there
}

// keyed is a set of keys, and the verifier by them.
type keyed struct {
	keys     *jwt.KeySet
	verifier *jwt.Verifier
}

// start has the keys looked for until the keyring's context ends. Nobody waits for it here: gatehouse starts while
// the identity provider is down.
func (k *keyring) start() {
	go func() {
		for k.ctx.Err() == nil {
			_ = k.look(k.ctx) // told to the log where it changes something
			timer := time.NewTimer(k.left())
			select {
			case <-timer.C:
			case <-k.ctx.Done():
			}
			timer.Stop()
		}
	}()
}

// left is how long it is until the next look.
func (k *keyring) left() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	wait := k.every
	if k.failed != nil {
		wait = keysCooldown
	}
	return max(wait-k.env.Now().Sub(k.looked), time.Millisecond)
}

// look asks for newer keys, unless they were asked for within [keysCooldown], and waits for them. It returns why the
// latest look failed.
func (k *keyring) look(ctx context.Context) error {
	k.mu.Lock()
	if k.flight == nil {
		if since := k.env.Now().Sub(k.looked); !k.looked.IsZero() && since < keysCooldown {
			defer k.mu.Unlock()
			return k.outage(keysCooldown - since)
		}
		k.flight = make(chan struct{})
		go k.fly(k.flight)
	}
	flight := k.flight
	k.mu.Unlock()
	select {
	case <-flight:
	case <-ctx.Done():
		return cause(ctx.Err())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.outage(keysCooldown)
}

// outage is what the latest look failed with; k.mu is held.
func (k *keyring) outage(wait time.Duration) error {
	if k.failed == nil {
		return nil
	}
	return &auth.Later{After: wait, Err: fmt.Errorf("its keys: %w", k.failed)}
}

var errPanic = errors.New("panic while reading them")

func (k *keyring) fly(flight chan struct{}) {
	err := errPanic
	defer func() {
		if recover() != nil {
			k.env.Metrics.Panic()
			k.env.Log.Error().Bytes("stack", debug.Stack()).Msg("panic while reading keys")
		}
		k.land(flight, err)
	}()
	ctx, cancel := context.WithTimeout(k.ctx, keysTimeout)
	defer cancel()
	var keys *jwt.KeySet
	if keys, err = k.download(ctx); err == nil {
		err = k.take(keys)
	}
}

func (k *keyring) land(flight chan struct{}, err error) {
	k.mu.Lock()
	before := k.failed
	k.flight, k.looked, k.failed = nil, k.env.Now(), err
	k.mu.Unlock()
	close(flight)
	k.env.Metrics.KeysLooked(k.env.Name, err == nil)
	switch {
	case k.ctx.Err() != nil:
	case err != nil && before == nil:
		k.env.Log.Warn().Err(err).Bool("have_older", k.current.Load() != nil).
			Msg("the identity provider's keys cannot be had: they are asked for every " + keysCooldown.String())
	case err == nil && before != nil:
		k.env.Log.Info().Msg("the identity provider's keys can be had again")
	}
}

// take puts keys in force. Whoever was let in by a key that is gone is forgotten.
func (k *keyring) take(keys *jwt.KeySet) error {
	verifier, err := k.build(keys)
	if err != nil {
		return err
	}
	old := k.current.Swap(&keyed{keys, verifier})
	if old == nil || len(old.keys.LeftOut()) != len(keys.LeftOut()) {
		for _, why := range keys.LeftOut() {
			k.env.Log.Warn().Err(why).Msg("a key of the identity provider cannot be used")
		}
		if keys.Len() == 0 {
			k.env.Log.Warn().Msg("the identity provider has no key that can be used: all its tokens are denied")
		}
	}
	if old != nil && !keys.HasAll(old.keys) {
		k.env.Log.Info().Int("keys", keys.Len()).Msg("a key of the identity provider is gone, and so are those who came by it")
		k.env.Forget(func(u auth.User) bool { return u.Provider == k.env.Name && !keys.Has(u.Record) })
	}
	return nil
}

// download asks for the keys. Nothing of an answer is in its errors.
func (k *keyring) download(ctx context.Context) (*jwt.KeySet, error) {
	at := k.certURI
	if at == nil {
		var err error
		if at, err = k.discover(ctx); err != nil {
			return nil, fmt.Errorf("discovery: %w", err)
		}
	}
	r, err := k.get(ctx, at, jwt.MaxKeySet)
	if err != nil {
		return nil, err
	}
	text, err := r.content()
	if err != nil {
		return nil, err
	}
	return jwt.ParseKeySet(text)
}

// discover asks where the keys are (OpenID Connect Discovery 1.0, section 4).
func (k *keyring) discover(ctx context.Context) (*url.URL, error) {
	at, err := url.Parse(strings.TrimSuffix(k.issuer, "/") + "/.well-known/openid-configuration")
	if err != nil {
		return nil, errors.New("the issuer is no URL")
	}
	r, err := k.get(ctx, at, maxAnswer)
	if err != nil {
		return nil, err
	}
	document, err := r.object()
	if err != nil {
		return nil, err
	}
	if document.text("issuer") != k.issuer {
		return nil, errors.New("it names another issuer than the one configured")
	}
	text := document.text("jwks_uri")
	wrong := conf.Collect(func(r conf.Report) { checkURL(r, "jwks_uri", text, k.insecureHTTP) })
	if at, err = url.Parse(text); err != nil || len(wrong) > 0 {
		return nil, errors.New("its jwks_uri is none that keys are taken from")
	}
	return at, nil
}

func (k *keyring) get(ctx context.Context, at *url.URL, most int) (reply, error) {
	return exchange(ctx, k.env.HTTP, k.env.Now, most, func(ctx context.Context) *http.Request {
		return newRequest(ctx, http.MethodGet, at)
	})
}

// verify returns the claims of a token, or [auth.ErrDenied], or why that cannot be said now.
func (k *keyring) verify(ctx context.Context, token string) (jwt.Claims, error) {
	begun := k.env.Now()
	for looked := false; ; looked = true {
		if have := k.current.Load(); have != nil {
			claims, err := have.verifier.Verify(token, k.env.Now())
			switch {
			case err == nil:
				return claims, nil
			case !errors.Is(err, jwt.ErrUnknownKey):
				return jwt.Claims{}, fmt.Errorf("%w: %w", auth.ErrDenied, err)
			case looked:
				return jwt.Claims{}, k.unknown(begun, token, err)
			}
		}
		if err := k.look(ctx); err != nil {
			return jwt.Claims{}, err
		}
	}
}

// unknown is what is said of a token whose key is not among those in force. If they were looked at since this token
// first came, that is a denial. Else the key may be newer, and a stranger's token that used up the look denies it to
// nobody.
func (k *keyring) unknown(begun time.Time, token string, err error) error {
	name := sha256.Sum256([]byte(token))
	k.mu.Lock()
	defer k.mu.Unlock()
	first, known := k.wanted[name]
	if !known {
		if len(k.wanted) >= maxWanted {
			clear(k.wanted)
		}
		first, k.wanted[name] = begun, begun
	}
	if !k.looked.Before(first) {
		return fmt.Errorf("%w: %w", auth.ErrDenied, err)
	}
	wait := max(k.looked.Add(keysCooldown).Sub(k.env.Now()), time.Second)
	return &auth.Later{After: wait, Err: fmt.Errorf("%w for newer keys, as they were looked at a moment ago: %w", auth.ErrUnasked, err)}
}
