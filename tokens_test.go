package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	josejwt "github.com/golang-jwt/jwt/v5"
)

const sharedSecret = "0123456789abcdef0123456789abcdef"

// sharesWay takes tokens by the secret that gatehouse signs with itself, whoever issued them.
const sharesWay = `  - { name: shared, type: jwt, realm: idp, secret: ` + sharedSecret + `, insecure_any_issuer: true, insecure_any_audience: true }
`

func sharedToken(t *testing.T, issuer string) string {
	t.Helper()
	text, err := josejwt.NewWithClaims(josejwt.SigningMethodHS256, josejwt.MapClaims{
		"iss": issuer, "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(), "entitlements": []string{"data"},
	}).SignedString([]byte(sharedSecret))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A token of somebody else lets in; the one that gatehouse makes of it does not, though all but its issuer is right.
func TestTheTokensOfOthersLetInAndOurOwnDoNot(t *testing.T) {
	w := newTown(t, strings.Replace(townHead, "providers", "jwt: { iss: gate, secret: "+sharedSecret+" }\nproviders", 1)+sharesWay)
	address := startHouse(t, w.config, []string{sharedSecret})
	ask := func(token string) *http.Response {
		return exchange(t, address, fmt.Sprintf("GET /authenticate HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n", token), "a token")
	}
	in := ask(sharedToken(t, "idp"))
	if in.StatusCode != 200 || in.Header.Get("X-Auth-Username") != "alice" || in.Header.Get("X-Auth-Realm") != "idp" || in.Header.Get("X-Auth-Roles") != "data" {
		t.Fatalf("got %d, %v", in.StatusCode, in.Header)
	}
	own := strings.TrimPrefix(in.Header.Get("Authorization"), "Bearer ")
	for name, token := range map[string]string{"our own": own, "one that says so": sharedToken(t, "gate")} {
		if got := ask(token); got.StatusCode != 401 {
			t.Errorf("%s: got %d", name, got.StatusCode)
		}
	}
}

// Where our own tokens have another issuer a provider of tokens has others to refuse. Nobody else is opened anew.
func TestAnotherIssuerOfOurOwnIsToldToProvidersOfTokens(t *testing.T) {
	config := func(issuer string) string {
		return strings.Replace(townHead, "providers", "jwt: { secret: "+sharedSecret+", iss: "+issuer+" }\nproviders", 1) + annsWay + sharesWay
	}
	w := newTown(t, config("one"))
	before := w.ways
	w.move(config("one") + "# the same\n")
	if w.ways[0] != before[0] || w.ways[1] != before[1] {
		t.Error("opened anew, and nothing has changed")
	}
	w.move(config("two"))
	if w.ways[0] != before[0] || w.ways[1] == before[1] || w.ways[1].issuer != "two" {
		t.Error("not exactly the provider of tokens is another")
	}
}
