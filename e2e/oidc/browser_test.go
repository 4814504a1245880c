package oidc_test

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

const (
	landing  = "http://127.0.0.1/back" // where the provider sends the browser: nobody is asked there
	verifier = "a-code-verifier-of-forty-three-bytes-at-least"
)

// login has a user log in by the provider's forms, for the client app, and returns the tokens for a resource.
func (o *op) login(user, resource string) map[string]string {
	o.t.Helper()
	challenge := sha256.Sum256([]byte(verifier))
	at := o.issuer + endpoint + "/auth?" + url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {landing}, "scope": {"openid offline_access read"},
		"prompt": {"consent"}, "resource": {audience + resource}, "nonce": {"n"},
		"code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
	}.Encode()
	return o.grant("app", url.Values{
		"client_id": {"app"}, "grant_type": {"authorization_code"}, "code": {o.code(user, at)}, "redirect_uri": {landing}, "code_verifier": {verifier},
	})
}

// code follows the provider from page to page, and fills in its forms, until it sends the browser back.
func (o *op) code(user, at string) string {
	o.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.t.Fatal(err)
	}
	browser := http.Client{
		Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var form url.Values
	for range 12 {
		next, page := o.visit(&browser, at, form)
		switch {
		case strings.HasPrefix(next, landing):
			back, err := url.Parse(next)
			if err != nil || back.Query().Get("code") == "" {
				o.t.Fatalf("the provider sends back %s, %v", next, err)
			}
			return back.Query().Get("code")
		case next != "":
			at, form = next, nil
		case strings.Contains(page, `value="login"`):
			form = url.Values{"prompt": {"login"}, "login": {user}, "password": {"any"}}
		default:
			form = url.Values{"prompt": {"consent"}}
		}
	}
	o.t.Fatal("the provider never sends back")
	return ""
}

// visit gets a page, or posts a form, and returns where it leads, or what it says.
func (o *op) visit(browser *http.Client, at string, form url.Values) (next, page string) {
	o.t.Helper()
	var response *http.Response
	var err error
	if form == nil {
		response, err = browser.Get(at)
	} else {
		response, err = browser.PostForm(at, form)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= http.StatusBadRequest {
		o.t.Fatalf("%s: %d %v\n%s", at, response.StatusCode, err, text)
	}
	if response.Header.Get("Location") == "" {
		return "", string(text)
	}
	to, err := response.Location()
	if err != nil {
		o.t.Fatal(err)
	}
	return to.String(), ""
}
