package gate_test

import (
	"context"
	"sync"
	"testing"

	"gatehouse/auth"
	"gatehouse/gate"
)

// C08: who asks while somebody else's question is under way gets no part of that answer, however the two
// credentials are alike: a name nobody has with the other's password, or with what a key might be made of.
func TestTwoAtOnceDoNotShareAnAnswer(t *testing.T) {
	const password, hash = "right", "$2y$04$abcdefghijklmnopqrstuv"
	started, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	source := keys("a", func(_ context.Context, c auth.Credential) (auth.User, error) {
		if c.Username == "alice" && c.Secret == password {
			once.Do(func() { close(started) })
			<-release
			return auth.User{Name: "alice"}, nil
		}
		return auth.User{}, auth.ErrDenied
	})
	source.Scheme, source.Forms = auth.Basic, []auth.Form{auth.Password}
	g, _ := newGate(t, nil, source)
	login := func(name, secret string) (gate.Decision, error) {
		return g.Decide(t.Context(), gate.Ask{Credentials: []auth.Credential{
			{Scheme: auth.Basic, Form: auth.Password, Username: name, Secret: auth.Secret(secret)},
		}})
	}
	alice := make(chan error)
	go func() { _, err := login("alice", password); alice <- err }()
	<-started
	for _, pair := range [][2]string{
		{"nobody", password},
		{"nobody", password + hash},
		{"nobody", password + "\x00" + hash},
		{"alice", password + hash},
		{"alice" + password, hash},
		{"alicerigh", "t"},
		{"Alice", password},
	} {
		d, err := login(pair[0], pair[1])
		wantDenied(t, d, err)
	}
	close(release)
	if err := <-alice; err != nil {
		t.Error(err)
	}
}

// What two forms of one text are remembered as is told apart, where a source takes both.
func TestFormsAreApart(t *testing.T) {
	source := keys("a", func(_ context.Context, c auth.Credential) (auth.User, error) {
		if c.Form == auth.JWT {
			return auth.User{Name: "alice"}, nil
		}
		return auth.User{}, auth.ErrDenied
	})
	source.Forms = []auth.Form{auth.JWT, auth.Opaque}
	g, _ := newGate(t, nil, source)
	signed := key("k")
	signed.Form = auth.JWT
	d, err := g.Decide(t.Context(), gate.Ask{Credentials: []auth.Credential{signed}})
	wantUser(t, d, err, "alice")
	d, err = g.Decide(t.Context(), ask())
	wantDenied(t, d, err)
}
