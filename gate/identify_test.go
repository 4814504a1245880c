package gate_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"gatehouse/auth"
	"gatehouse/gate"
)

func TestWhoIsAskedInWhichOrder(t *testing.T) {
	broken := errors.New("connection refused")
	for name, row := range map[string]struct {
		credentials string           // one letter each
		answers     map[string]error // by credential@source; the rest deny; nil accepts
		asked       string
		want        string // a user, or an error
	}{
		"all deny":                         {"ab", nil, "a@1 a@2 a@3 b@1 b@2 b@3", "denied"},
		"the credentials' order leads":     {"ba", nil, "b@1 b@2 b@3 a@1 a@2 a@3", "denied"},
		"the first yes ends the search":    {"ab", map[string]error{"a@1": nil, "a@2": nil, "b@1": nil}, "a@1", "a@1"},
		"a denial does not end it":         {"ab", map[string]error{"a@3": nil}, "a@1 a@2 a@3", "a@3"},
		"not mine does not end it":         {"ab", map[string]error{"a@1": auth.ErrNotMine, "a@2": nil}, "a@1 a@2", "a@2"},
		"nor does a wrapped one of either": {"ab", map[string]error{"a@1": fmt.Errorf("w: %w", auth.ErrNotMine), "a@2": fmt.Errorf("w: %w", auth.ErrDenied)}, "a@1 a@2 a@3 b@1 b@2 b@3", "denied"},
		"not mine from all is a denial":    {"a", map[string]error{"a@1": auth.ErrNotMine, "a@2": auth.ErrNotMine, "a@3": auth.ErrNotMine}, "a@1 a@2 a@3", "denied"},
		"an outage does not end it":        {"ab", map[string]error{"a@1": broken, "b@2": nil}, "a@1 a@2 a@3 b@1 b@2", "b@2"},
		"an outage before a denial":        {"a", map[string]error{"a@1": broken}, "a@1 a@2 a@3", "outage"},
		"an outage after a denial":         {"a", map[string]error{"a@3": broken}, "a@1 a@2 a@3", "outage"},
		"an outage of the one credential":  {"ab", map[string]error{"a@2": broken}, "a@1 a@2 a@3 b@1 b@2 b@3", "outage"},
		"an outage of all":                 {"a", map[string]error{"a@1": broken, "a@2": broken, "a@3": broken}, "a@1 a@2 a@3", "outage"},
		"a deadline is an outage":          {"a", map[string]error{"a@2": context.DeadlineExceeded}, "a@1 a@2 a@3", "outage"},
		"no credential":                    {"", nil, "", "denied"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			var sources []gate.Source
			for _, source := range []string{"1", "2", "3"} {
				sources = append(sources, keys(source, func(_ context.Context, c auth.Credential) (auth.User, error) {
					at := string(c.Secret) + "@" + source
					asked = append(asked, at)
					if err, ok := row.answers[at]; !ok {
						return auth.User{Name: "ignored"}, auth.ErrDenied
					} else if err != nil {
						return auth.User{Name: "ignored"}, err
					}
					return auth.User{Name: at}, nil
				}))
			}
			g, _ := newGate(t, nil, sources...)
			var a gate.Ask
			for _, c := range row.credentials {
				a.Credentials = append(a.Credentials, key(string(c)))
			}
			for range 20 { // the same every time
				asked = nil
				g.Memory.Forget(everybody)
				d, err := g.Decide(t.Context(), a)
				if got := strings.Join(asked, " "); got != row.asked {
					t.Fatalf("asked %s, want %s", got, row.asked)
				}
				switch row.want {
				case "denied":
					wantDenied(t, d, err)
				case "outage":
					wantOutage(t, d, err)
				default:
					wantUser(t, d, err, row.want)
				}
			}
		})
	}
}

func TestAnOutageNamesWhoCouldNotAnswer(t *testing.T) {
	first, second := errors.New("refused"), errors.New("reset")
	g, _ := newGate(t, nil, keys("one", says(auth.User{}, first)), keys("two", says(auth.User{}, auth.ErrDenied)), keys("three", says(auth.User{}, second)))
	d, err := g.Decide(t.Context(), ask())
	wantOutage(t, d, err)
	if want := "provider \"one\": refused\nprovider \"three\": reset\nanother provider refused the credential"; err.Error() != want || !errors.Is(err, gate.ErrDeniedElsewhere) || errors.Is(err, auth.ErrDenied) || !errors.Is(err, first) || !errors.Is(err, second) {
		t.Errorf("got %v", err)
	}
}

func TestARealmAndAProviderAreThoseOfTheConfiguration(t *testing.T) {
	g, _ := newGate(t, nil, keys("mine", says(auth.User{Name: "alice", Realm: "admin\r\n", Provider: "other"}, nil)))
	d, err := g.Decide(t.Context(), ask())
	wantUser(t, d, err, "alice")
	if d.User.Realm != "r" || d.User.Provider != "mine" {
		t.Errorf("got %+v", d.User)
	}
}

// A source may still hold a credential when the request's memory is the next request's.
func TestSourcesAreGivenCopies(t *testing.T) {
	header := "Basic " + base64.StdEncoding.EncodeToString([]byte("alice:password")) + ", Bearer abcdefghij"
	buffer := []byte(header)
	var p auth.Presented
	if err := p.Parse(unsafe.String(&buffer[0], len(buffer))); err != nil {
		t.Fatal(err)
	}
	var held []auth.Credential
	hold := auth.Func(func(_ context.Context, c auth.Credential) (auth.User, error) {
		held = append(held, c)
		return auth.User{}, auth.ErrDenied
	})
	g, _ := newGate(t, nil,
		gate.Source{Authenticator: hold, Name: "1", Realm: "r", Scheme: auth.Basic, Forms: []auth.Form{auth.Password}},
		keys("2", hold), keys("3", hold))
	d, err := g.Decide(t.Context(), gate.Ask{Credentials: p.Credentials()})
	wantDenied(t, d, err)

	for i := range buffer {
		buffer[i] = 'X'
	}
	if err := p.Parse("Basic " + base64.StdEncoding.EncodeToString([]byte("mallo:xxxxxxxx")) + ", Bearer klmnopqrst"); err != nil {
		t.Fatal(err)
	}
	want := []auth.Credential{
		{Scheme: auth.Basic, Form: auth.Password, Username: "alice", Secret: "password"}, key("abcdefghij"), key("abcdefghij"),
	}
	if !slices.Equal(held, want) {
		for _, c := range held {
			t.Errorf("a source holds %q and %q", c.Username, string(c.Secret))
		}
	}
}

func TestNoErrorShowsACredential(t *testing.T) {
	const canary = "Canary-4711"
	for name, answer := range map[string]auth.Func{
		"an outage":       says(auth.User{}, errors.New("refused")),
		"a denial":        says(auth.User{}, auth.ErrDenied),
		"an unusable one": says(auth.User{Name: "\x00"}, nil),
		"an expired one":  says(auth.User{Name: "a", Until: time.Unix(1, 0)}, nil),
	} {
		g, _ := newGate(t, nil, keys("s", answer))
		_, err := g.Decide(t.Context(), gate.Ask{Credentials: []auth.Credential{key(canary)}})
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
