package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"gatehouse/auth"
)

// asks opens a section whose service is server, without a network, and puts one question.
func asks(t *testing.T, server *authServer, config Config, c auth.Credential) (auth.User, error) {
	t.Helper()
	w := newWorld(t)
	w.HTTP = inProcess(server)
	ctx, cancel := context.WithTimeout(t.Context(), slack)
	defer cancel()
	return open(t, ctx, config, w.Env).Authenticate(ctx, c)
}

// TestIntrospection: the server's answers, each with what becomes of the token.
func TestIntrospection(t *testing.T) {
	now := time.Now().Unix()
	strict := func(i *Introspection) { i.Issuer, i.Audience = issuer, []string{"them", "us"} }
	for name, c := range map[string]struct {
		status int
		body   string
		change func(*Introspection)
		want   outcome
	}{
		"active":                            {200, `{"active":true,"username":"alice"}`, nil, aUser},
		"not active":                        {200, `{"active":false}`, nil, denied},
		"not active, with all the rest":     {200, `{"active":false,"username":"alice","sub":"1"}`, nil, denied},
		"nothing of active":                 {200, `{"username":"alice"}`, nil, noDecision},
		"active as text":                    {200, `{"active":"true","username":"alice"}`, nil, noDecision},
		"active as a number":                {200, `{"active":1,"username":"alice"}`, nil, noDecision},
		"active twice":                      {200, `{"active":false,"active":true,"username":"alice"}`, nil, noDecision},
		"a list":                            {200, `[{"active":true}]`, nil, noDecision},
		"HTML":                              {200, `<html>`, nil, noDecision},
		"nothing":                           {200, ``, nil, noDecision},
		"our client is refused":             {401, `{"active":false}`, nil, noDecision},
		"we may not ask":                    {403, `{"active":false}`, nil, noDecision},
		"it did not understand":             {400, `{"error":"invalid_request"}`, nil, noDecision},
		"later":                             {429, ``, nil, noDecision},
		"broken":                            {500, `{"active":false}`, nil, noDecision},
		"moved":                             {302, `{"active":true,"username":"alice"}`, nil, noDecision},
		"created":                           {201, `{"active":true,"username":"alice"}`, nil, noDecision},
		"large":                             {200, `{"active":true,"username":"alice"}` + fmt.Sprintf("%*s", maxAnswer, ""), nil, noDecision},
		"good until later":                  {200, fmt.Sprintf(`{"active":true,"username":"alice","exp":%d,"nbf":%d}`, now+60, now-60), nil, aUser},
		"over":                              {200, fmt.Sprintf(`{"active":true,"username":"alice","exp":%d}`, now-1), nil, denied},
		"not yet":                           {200, fmt.Sprintf(`{"active":true,"username":"alice","nbf":%d}`, now+60), nil, denied},
		"by a clock that is a little ahead": {200, fmt.Sprintf(`{"active":true,"username":"alice","nbf":%d}`, now+5), nil, aUser},
		"an end that is no time":            {200, `{"active":true,"username":"alice","exp":"tomorrow"}`, nil, noDecision},
		"a beginning that is no time":       {200, `{"active":true,"username":"alice","nbf":true}`, nil, noDecision},
		"issuer and audience":               {200, `{"active":true,"username":"alice","iss":"https://idp.example","aud":["x","us"]}`, strict, aUser},
		"audience as text":                  {200, `{"active":true,"username":"alice","iss":"https://idp.example","aud":"them"}`, strict, aUser},
		"another issuer":                    {200, `{"active":true,"username":"alice","iss":"https://idp.example/","aud":"us"}`, strict, denied},
		"no issuer":                         {200, `{"active":true,"username":"alice","aud":"us"}`, strict, denied},
		"another audience":                  {200, `{"active":true,"username":"alice","iss":"https://idp.example","aud":["x"]}`, strict, denied},
		"no audience":                       {200, `{"active":true,"username":"alice","iss":"https://idp.example"}`, strict, denied},
		"a bearer token":                    {200, `{"active":true,"username":"alice","token_type":"bearer"}`, nil, aUser},
		"ORY Hydra's access token":          {200, `{"active":true,"username":"alice","token_type":"Bearer","token_use":"access_token"}`, nil, aUser},
		"its refresh token":                 {200, `{"active":true,"username":"alice","token_type":"Bearer","token_use":"refresh_token"}`, nil, denied},
		"a refresh token by its type":       {200, `{"active":true,"username":"alice","token_type":"refresh_token"}`, nil, denied},
		"a type that is no text":            {200, `{"active":true,"username":"alice","token_type":{}}`, nil, denied},
		"Keycloak's access token":           {200, `{"active":true,"username":"alice","typ":"Bearer"}`, nil, aUser},
		"a token of DPoP":                   {200, `{"active":true,"username":"alice","token_type":"DPoP"}`, nil, denied},
		"a token that is bound to a key":    {200, `{"active":true,"username":"alice","token_type":"Bearer","cnf":{"x5t#S256":"a"}}`, nil, denied},
		"its refresh token, again":          {200, `{"active":true,"username":"alice","typ":"Refresh"}`, nil, denied},
		"its offline token":                 {200, `{"active":true,"username":"alice","typ":"Offline"}`, nil, denied},
	} {
		t.Run(name, func(t *testing.T) {
			server, config := newAuthServer(), introspectionAt(issuer)
			server.instead["/introspect"] = canned{c.status, c.body}
			if c.change != nil {
				c.change(config)
			}
			u, err := asks(t, server, config, bearer(canary))
			if got := outcomeOf(u, err); got != c.want {
				t.Errorf("got %q, %v", u.Name, err)
			}
		})
	}
}

func TestWhatAnIntrospectionTellsOfTheUser(t *testing.T) {
	end := time.Now().Add(time.Minute).Unix()
	said := fmt.Sprintf(`{"active":true,"sub":"4711","exp":%d,"scope":"read write","email":"a@b","realm_access":{"roles":["staff"]}}`, end)
	server, config := newAuthServer(), introspectionAt(issuer)
	server.instead["/introspect"] = canned{200, said}
	config.Attributes = map[string]string{"mail": "email"}
	u, err := asks(t, server, config, bearer(canary))
	want := auth.User{
		Name: "4711", Roles: []string{"staff"}, Scopes: map[string][]string{"here": {"read", "write"}},
		Attributes: map[string]string{"mail": "a@b"}, Until: time.Unix(end, 0),
	}
	if err != nil || !reflect.DeepEqual(u, want) {
		t.Errorf("got %+v, %v", u, err)
	}
}

// RFC 7662, section 2.1: the token is in the body, and nowhere else; the client's id and secret are in the header, each
// encoded for it (RFC 6749, section 2.3.1), or in the body if that is wanted.
func TestHowAnIntrospectionIsAsked(t *testing.T) {
	const form = "token=canary%2F7f3a%2BRw%3D&token_type_hint=access_token"
	for where, want := range map[string]string{
		"client_secret_basic": "POST /introspect Basic cHJpdmF0ZStjbGllbnQ6czNjcmV0JTNBK29mJTJGb3VycyUyQiUyNQ== " + form,
		"client_secret_post":  "POST /introspect  client_id=private+client&client_secret=s3cret%3A+of%2Fours%2B%25&" + form,
	} {
		server, config := newAuthServer(), introspectionAt(issuer)
		config.ClientAuth = where
		if _, err := asks(t, server, config, bearer(canary)); err != nil || !slices.Equal(server.asked, []string{want}) {
			t.Errorf("%s: got %q, %v", where, server.asked, err)
		}
	}
	config := introspectionAt(issuer)
	config.ClientSecret = "wrong"
	if _, err := asks(t, newAuthServer(), config, bearer(canary)); !errors.Is(err, errClient) || isDecision(err) {
		t.Errorf("with a wrong secret: got %v", err)
	}
}

// What spares the service of an http provider spares this one: see spare_test.go for the rules themselves.
func TestAnIntrospectionEndpointIsSpared(t *testing.T) {
	w := newWorld(t)
	asked := 0
	w.HTTP = roundTrip(func(*http.Request) (*http.Response, error) {
		asked++
		r := response(503, "")
		r.Header.Set("Retry-After", "30")
		return r, nil
	})
	a := open(t, t.Context(), introspectionAt(issuer), w.Env)
	for range 3 {
		_, err := a.Authenticate(t.Context(), bearer(canary))
		wantLater(t, err, 30*time.Second)
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}
