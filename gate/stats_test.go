package gate_test

import (
	"context"
	"errors"
	"testing"

	"gatehouse/auth"
	"gatehouse/gate"
)

func TestStatsTellWhatTheMemoryHoldsAndDidNotKnow(t *testing.T) {
	g, _ := newGate(t, nil, keys("a", auth.Func(func(_ context.Context, c auth.Credential) (auth.User, error) {
		if c.Secret == "wrong" {
			return auth.User{}, auth.ErrDenied
		}
		return auth.User{Name: string(c.Secret)}, nil
	})))
	for _, secret := range []auth.Secret{"one", "one", "two", "wrong", "wrong", "wrong", "one"} {
		a := gate.Ask{Credentials: []auth.Credential{{Scheme: auth.Bearer, Form: auth.Opaque, Secret: secret}}}
		if _, err := g.Decide(t.Context(), a); err != nil && !errors.Is(err, auth.ErrDenied) {
			t.Fatal(err)
		}
	}
	s := g.Memory.Stats()
	if s.Bytes < 2*512 || s.Bytes > 1<<16 {
		t.Errorf("two identities weigh %d bytes", s.Bytes)
	}
	if s.Bytes = 0; s != (gate.Stats{Refused: 2, Missed: 3, Identities: 2, Refusals: 1}) {
		t.Errorf("it says %+v", s)
	}
	g.Memory.Forget(func(u auth.User) bool { return u.Name == "one" })
	if s := g.Memory.Stats(); s.Identities != 1 || s.Refusals != 0 {
		t.Errorf("after one is forgotten: %+v", s)
	}
}
