package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	josejwt "github.com/golang-jwt/jwt/v5"

	"gatehouse/auth"
	"gatehouse/gate"
)

const (
	ownWay   = "  - { name: own, type: jwt, realm: R, accept_own_tokens: true }\n"
	otherWay = "  - { name: elsewhere, type: jwt, realm: other, accept_own_tokens: true }\n"
)

func (w *town) askToken(token string) (gate.Decision, error) {
	w.t.Helper()
	return w.house.Gate.Decide(w.t.Context(), gate.Ask{Credentials: []auth.Credential{{Scheme: auth.Bearer, Form: auth.JWT, Secret: auth.Secret(token)}}})
}

func (w *town) wantOwn(says, token string, in, remembered bool) {
	w.t.Helper()
	d, err := w.askToken(token)
	switch {
	case in && (err != nil || d.User.Name != "ann" || d.User.Realm != "R" || d.Remembered != remembered):
		w.t.Errorf("%s: %+v, %v", says, d, err)
	case !in && !errors.Is(err, auth.ErrDenied):
		w.t.Errorf("%s: %v", says, err)
	}
}

// What is remembered of a token of ours ends with what verified it: a key that is gone, another secret, another issuer.
func TestOwnTokensEndWithWhatSignedThem(t *testing.T) {
	folder := t.TempDir()
	path, _ := putKey(t, folder, "ed25519", time.Now().Add(-time.Hour))
	head := strings.Replace(keysHead, "%", folder, 1)
	w := newTown(t, townHead+annsWay+head)
	token := strings.TrimPrefix(askAnn(t, w).Authorization, "Bearer ")
	w.wantOwn("unless config.yaml says so", token, false, false)
	w.move(townHead + annsWay + ownWay + head)
	w.wantOwn("where it does", token, true, false)
	w.wantOwn("again", token, true, true)
	w.move(townHead + annsWay + ownWay + bobsWay + head)
	w.wantOwn("after a reload of something else", token, true, true)
	next, _ := putKey(t, folder, "ec", time.Now())
	w.reload.reload(t.Context())
	w.wantOwn("of a key that is retired", token, true, false)
	if log := w.move("providers: ["); !strings.Contains(log, "configuration refused") {
		t.Fatal(log)
	}
	w.wantOwn("while a newer configuration is refused", token, true, true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.move(townHead + annsWay + ownWay + bobsWay + head)
	w.wantOwn("of a key that is gone", token, false, false)
	_ = os.Remove(next)

	const withSecret = "jwt: { secret: " + sharedSecret + ", iss: gate }\n"
	w.move(townHead + annsWay + ownWay + withSecret)
	token = strings.TrimPrefix(askAnn(t, w).Authorization, "Bearer ")
	w.wantOwn("by a secret", token, true, false)
	w.move(townHead + annsWay + ownWay + strings.Replace(withSecret, "gate", "other", 1))
	w.wantOwn("of another issuer", token, false, false)
	w.move(townHead + annsWay + ownWay + withSecret)
	w.wantOwn("of that again", token, true, false)
	w.move(townHead + annsWay + ownWay + strings.Replace(withSecret, "0123", "3210", 1))
	w.wantOwn("by another secret", token, false, false)
	w.move(townHead + annsWay + withSecret)
	w.wantOwn("where nobody takes them any more", token, false, false)
}

// A key that is gone by the clock alone takes its tokens along, and who is remembered by one.
func TestATurnForgetsWhoCameByAnOwnToken(t *testing.T) {
	folder := t.TempDir()
	gone := time.Now().Add(2 * time.Second).Truncate(time.Second)
	path, kid := putKey(t, folder, "ed25519", gone.Add(-time.Hour))
	putKey(t, folder, "ec", gone.Add(-2*time.Minute)) // exp and publish_before
	w := newTown(t, townHead+annsWay+ownWay+strings.Replace(keysHead, "%", folder, 1))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	key, err := josejwt.ParseEdPrivateKeyFromPEM(text)
	if err != nil {
		t.Fatal(err)
	}
	made := josejwt.NewWithClaims(josejwt.SigningMethodEdDSA, josejwt.MapClaims{
		"iss": "https://auth.example.org", "exp": gone.Add(time.Hour).Unix(), "iat": gone.Add(-time.Minute).Unix(),
		"username": "ann", "realm": "R", "roles": []string{}, "scopes": map[string]any{}, "attributes": map[string]any{},
	})
	made.Header["kid"] = kid
	token, err := made.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	w.wantOwn("of a key that is retired", token, true, false)
	w.wantOwn("again", token, true, true)
	time.Sleep(time.Until(gone))
	if err := w.turnKeys(); err != nil {
		t.Fatal(err)
	}
	w.wantOwn("of a key that is gone", token, false, false)
}

// What stands in a token of ours has been through the augmenters: they would take their own roles for a provider's.
func TestOwnTokensAreNotDressedAgain(t *testing.T) {
	const rules = `augmenters:
  - { name: a, type: plain, realm: R, roles: { staff: [ann], operators: [ann] } }
  - { name: b, type: plain_advanced, realm: R, match: { role: [admins] }, augment: { roles: [root], attributes: { floor: "2" } } }
  - { name: c, type: rewrite, realm: R, steps: [{ role: operators, to: admins }, { role: staff, to: operators }, { prefix: "", to: "x-" }] }
`
	w := newTown(t, townHead+annsWay+ownWay+rules+"jwt: { secret: "+sharedSecret+", iss: gate }\n")
	first := askAnn(t, w)
	again, err := w.askToken(strings.TrimPrefix(first.Authorization, "Bearer "))
	if err != nil || again.Roles != first.Roles || first.Roles != "x-admins,x-operators" || len(again.User.Attributes) != 0 {
		t.Errorf("%q becomes %q, %v, %v", first.Roles, again.Roles, again.User.Attributes, err)
	}
}

// Where nobody takes tokens of ours any more, whether they could be taken keeps no key from its turn.
func TestKeysTurnAfterOwnTokensWereTaken(t *testing.T) {
	folder, due := t.TempDir(), time.Now().Add(2*time.Second).Truncate(time.Second)
	putKey(t, folder, "ed25519", due.Add(-time.Hour))
	_, next := putKey(t, folder, "ec", due)
	head := strings.Replace(keysHead, "%", folder, 1)
	w := newTown(t, townHead+annsWay+ownWay+head)
	w.move(townHead + annsWay + strings.Replace(head, "https://auth.example.org", "", 1))
	time.Sleep(time.Until(due))
	if err := w.turnKeys(); err != nil || w.issuer.KeyID() != next {
		t.Errorf("%s signs, %v", w.issuer.KeyID(), err)
	}
}

// The binary: what /authenticate gives out is a credential where that is wanted, for its realm, until its end.
func TestOwnTokensAsCredentials(t *testing.T) {
	keys := t.TempDir()
	first, kid := putKey(t, keys, "ed25519", time.Now().Add(-time.Hour))
	config := func(ways string) string {
		return strings.Replace(townHead, "server: {", "server: { socket: gatehouse.sock,", 1) + strings.Replace(annsWay, "password: first", "roles: [staff], password: first", 1) +
			ways + strings.NewReplacer("%", keys, "exp: 60", "exp: 4, aud: us").Replace(keysHead) +
			"metrics: { enabled: false }\naugmenters: [{ name: more, type: plain, realm: R, roles: { staff: [ann], more: [ann] } }]\n"
	}
	r := launch(t, config(otherWay))
	bearer := func(token string) *http.Response {
		t.Helper()
		return r.ask(t, func(request *http.Request) { request.Header.Set("Authorization", "Bearer "+token) })
	}
	login := func() (string, map[string]any) {
		t.Helper()
		response := r.ask(t, func(request *http.Request) { request.SetBasicAuth("ann", "first-password") })
		return strings.TrimPrefix(response.Header.Get("Authorization"), "Bearer "), claimsOf(t, response)
	}
	token, claims := login()
	if got := bearer(token); got.StatusCode != 401 {
		t.Fatalf("refused by none but the realm other: %s", got.Status)
	}
	reload := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(r.dir, "config.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = r.Process.Signal(syscall.SIGHUP)
		r.until(t, "configuration loaded")
	}
	reload(config(otherWay + ownWay))
	for range 2 {
		got := bearer(token)
		if got.StatusCode != 200 || got.Header.Get("X-Auth-Username") != "ann" || got.Header.Get("X-Auth-Realm") != "R" || got.Header.Get("X-Auth-Roles") != "staff,more" {
			t.Fatalf("%s %v", got.Status, got.Header)
		}
		if again := claimsOf(t, got); again["exp"].(float64) > claims["exp"].(float64) {
			t.Errorf("a token until %v was prolonged to %v", claims["exp"], again["exp"])
		}
	}
	for says, forged := range forgedTokens(t, token, kid, claims) {
		if got := bearer(forged); got.StatusCode != 401 {
			t.Errorf("%s: %s", says, got.Status)
		}
	}
	if _, err := os.Stat(first); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(time.Unix(int64(claims["exp"].(float64)), 0)))
	if got := bearer(token); got.StatusCode != 401 {
		t.Errorf("after its end, from the memory: %s", got.Status)
	}

	token, _ = login()
	putKey(t, keys, "rsa", time.Now())
	reload(config(otherWay + ownWay))
	if renewed, _ := login(); bearer(token).StatusCode != 200 || bearer(renewed).StatusCode != 200 {
		t.Error("a token of the retired key is refused, or one of the next")
	}
	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	reload(config(otherWay + ownWay))
	if got := bearer(token); got.StatusCode != 401 {
		t.Errorf("of a key that is gone: %s", got.Status)
	}
}

// forgedTokens say what a good one says, and are not signed by our key.
func forgedTokens(t *testing.T, token, kid string, claims map[string]any) map[string]string {
	t.Helper()
	parts := strings.Split(token, ".")
	minted := func(method josejwt.SigningMethod, key any) string {
		made := josejwt.NewWithClaims(method, josejwt.MapClaims(claims))
		made.Header["kid"] = kid
		text, err := made.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	return map[string]string{
		"alg none":              minted(josejwt.SigningMethodNone, josejwt.UnsafeAllowNoneSignatureType),
		"the kid as a secret":   minted(josejwt.SigningMethodHS256, []byte(kid)),
		"an empty secret":       minted(josejwt.SigningMethodHS256, []byte{}),
		"no signature":          parts[0] + "." + parts[1] + ".",
		"another's signature":   parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"one word more is said": parts[0] + "." + strings.TrimSuffix(fmt.Sprint(strings.Replace(parts[1], "a", "b", 1)), "=") + "." + parts[2],
	}
}
