package auth_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"gatehouse/auth"
)

// canary has no letter in common with what surrounds it, so that a part of it is found too.
const canary = "QQJJ7788-ZZXX9911"

type holder struct {
	Name  string
	Value auth.Secret
	Ptr   *auth.Secret
	List  []auth.Secret
	Map   map[string]auth.Secret
	Inner struct{ Deep auth.Secret }
	Any   any
}

func newHolder() holder {
	s := auth.Secret(canary)
	h := holder{Name: "n", Value: s, Ptr: &s, List: []auth.Secret{s}, Map: map[string]auth.Secret{"k": s}, Any: s}
	h.Inner.Deep = s
	return h
}

func wantHidden(t *testing.T, shown string) {
	t.Helper()
	hex := fmt.Sprintf("%x", canary)
	for _, trace := range []string{canary, canary[:4], canary[9:], hex[:8], b64(canary)[:8], "81 81 74"} {
		if strings.Contains(strings.ToLower(shown), strings.ToLower(trace)) {
			t.Errorf("the secret shows as %s", shown)
		}
	}
}

func TestNoVerbShowsASecret(t *testing.T) {
	s := auth.Secret(canary)
	values := map[string]any{
		"a secret": s, "a pointer": &s, "a list": []auth.Secret{s}, "a key": map[auth.Secret]int{s: 1},
		"a credential":                login("alice", canary),
		"a pointer to a credential":   new(login("alice", canary)),
		"a list of credentials":       []auth.Credential{login("alice", canary), opaque(canary)},
		"a struct around all of them": newHolder(),
	}
	for name, value := range values {
		for _, verb := range []string{"%s", "%v", "%q", "%x", "%X", "%d", "%+v", "%#v", "%#q", "%+q", "% x", "%#x", "%10.3s", "%c", "%U", "%t", "%e", "%b", "%o", "%z"} {
			t.Run(name+" as "+verb, func(t *testing.T) {
				shown := fmt.Sprintf(verb, value)
				wantHidden(t, shown)
				// A verb that follows pointers must show the mask in the secret's place.
				if plain := name == "a secret" || name == "a credential"; plain && !strings.Contains(shown, "[secret]") {
					t.Errorf("got %s, want the mask", shown)
				}
			})
		}
	}
}

func TestNoPrinterShowsASecret(t *testing.T) {
	h := newHolder()
	wantHidden(t, fmt.Sprint(h, h.Value, h.Ptr))
	wantHidden(t, fmt.Errorf("wrapped: %w", errors.New(fmt.Sprint(h.Value))).Error())
	wantHidden(t, h.Value.String()+h.Value.GoString())

	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("m", "secret", h.Value, "holder", h, "credential", login("alice", canary))
	}
	wantHidden(t, out.String())
}

func TestNoMarshallerShowsASecret(t *testing.T) {
	text, err := auth.Secret(canary).MarshalText()
	if err != nil || string(text) != "[secret]" {
		t.Errorf("MarshalText: %s, %v", text, err)
	}
	body, err := json.Marshal([]any{newHolder(), login("alice", canary)})
	if err != nil {
		t.Fatal(err)
	}
	wantHidden(t, string(body))
	if !strings.Contains(string(body), `"Value":"[secret]","Ptr":"[secret]","List":["[secret]"]`) {
		t.Errorf("got %s, want masks", body)
	}
	page, err := xml.Marshal(login("alice", canary))
	if err != nil {
		t.Fatal(err)
	}
	wantHidden(t, string(page))
}

func TestASecretsContentIsThereForWhoAsks(t *testing.T) {
	if got := string(auth.Secret(canary)); got != canary {
		t.Errorf("got %q", got)
	}
}
