package gate_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
	"gatehouse/role"
	"gatehouse/throttle"
)

type counts struct{ roles, attributes, refused atomic.Int64 }

func (c *counts) RoleLeftOut() { c.roles.Add(1) }

func (c *counts) AttributesDropped() { c.attributes.Add(1) }

func (c *counts) TooManyRoles() { c.refused.Add(1) }

// newGate has one source after the other, and room for all; change may make it another.
func newGate(t testing.TB, change func(*gate.Config), sources ...gate.Source) (*gate.Gate, *counts) {
	t.Helper()
	memory, err := gate.NewMemory()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(memory.Close)
	n := new(counts)
	c := gate.Config{
		Sources: sources, Memory: memory, Throttle: throttle.New(throttle.Config{}), Roles: role.New(nil), Issuer: issuing(t, time.Hour), Timeout: time.Minute, MaxHeader: 1 << 20, Counts: n,
	}
	if change != nil {
		change(&c)
	}
	return gate.New(c), n
}

// issuing signs tokens of a lifetime.
func issuing(t testing.TB, lifetime time.Duration) *jwt.Issuer {
	t.Helper()
	issuer, err := jwt.New(jwt.Config{Issuer: "i", Lifetime: jwt.Seconds(lifetime)}, false, "0123456789abcdef0123456789abcdef", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// keys is a source of the realm r that takes API keys.
func keys(name string, answer auth.Func) gate.Source {
	return gate.Source{Authenticator: answer, Name: name, Realm: "r", Scheme: auth.Bearer, Forms: []auth.Form{auth.Opaque}, Cache: gate.UntilForgotten}
}

// everybody is for Forget.
func everybody(auth.User) bool { return true }

func says(u auth.User, err error) auth.Func {
	return func(context.Context, auth.Credential) (auth.User, error) { return u, err }
}

func key(text string) auth.Credential {
	return auth.Credential{Scheme: auth.Bearer, Form: auth.Opaque, Secret: auth.Secret(text)}
}

// ask presents the key k.
func ask() gate.Ask { return gate.Ask{Credentials: []auth.Credential{key("k")}} }

// claims reads a token without a look at its signature, which is for the tests of package jwt.
func claims(t *testing.T, token string) (c struct {
	Username, Realm   string
	Issuer            string `json:"iss"`
	Roles             []string
	Attributes        map[string]string
	AttributesDropped bool `json:"attributes_dropped"`
},
) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[2] == "" {
		t.Fatalf("the token %q has not three parts", token)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantForbidden(t *testing.T, d gate.Decision, err error, reason string) *gate.Forbidden {
	t.Helper()
	f, ok := errors.AsType[*gate.Forbidden](err)
	if !ok || f.Reason != reason || errors.Is(err, auth.ErrDenied) {
		t.Fatalf("got %+v, %v, want Forbidden: %s", d, err, reason)
	}
	wantNoDecision(t, d)
	return f
}

func wantDenied(t *testing.T, d gate.Decision, err error) {
	t.Helper()
	if _, forbidden := errors.AsType[*gate.Forbidden](err); !errors.Is(err, auth.ErrDenied) || forbidden {
		t.Fatalf("got %+v, %v, want ErrDenied", d, err)
	}
	wantNoDecision(t, d)
}

// wantOutage wants an error that says that nothing could be decided.
func wantOutage(t *testing.T, d gate.Decision, err error) {
	t.Helper()
	_, forbidden := errors.AsType[*gate.Forbidden](err)
	if err == nil || forbidden || errors.Is(err, auth.ErrDenied) || errors.Is(err, auth.ErrNotMine) {
		t.Fatalf("got %+v, %v, want that no decision could be made", d, err)
	}
	wantNoDecision(t, d)
}

func wantNoDecision(t *testing.T, d gate.Decision) {
	t.Helper()
	if strings.TrimPrefix(d.Authorization, "Bearer ") != "" || d.Roles != "" || d.User.Name != "" || d.User.Realm != "" || d.User.Roles != nil {
		t.Errorf("a refusal says %+v", d)
	}
}

// wantUser wants what every decision must be, and that it lets name in.
func wantUser(t *testing.T, d gate.Decision, err error, name string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if d.User.Name != name || auth.CheckName(d.User.Name) != nil {
		t.Errorf("got the user %q, want %q", d.User.Name, name)
	}
	c := claims(t, strings.TrimPrefix(d.Authorization, "Bearer "))
	if c.Username != d.User.Name || c.Realm != d.User.Realm || !slices.Equal(c.Roles, d.User.Roles) {
		t.Errorf("the token says %+v, the decision %+v", c, d.User)
	}
}
