package provider

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
)

// An authServer is Keycloak and ECMWF's token generator in one: it knows the token canary as alice's, and gatehouse
// by its client's id and secret.
type authServer struct {
	*idp
	access string // what it gives for canary

	calls   sync.Mutex // guards all below
	instead map[string]canned
	asked   []string // METHOD PATH AUTHORIZATION BODY of each question, in their order
}

// A canned answer stands in the place of that at a path.
type canned struct {
	status int
	body   string
}

const clientSecret = "s3cret: of/ours+%"

func newAuthServer() *authServer {
	return &authServer{idp: newIDP("one"), instead: map[string]canned{}}
}

const (
	keycloakToken      = "/realms/local/protocol/openid-connect/token"
	keycloakIntrospect = keycloakToken + "/introspect"
	validateToken      = "/generator/validate-token"
	refreshToken       = "/generator/admin/refresh-access-token"
)

func (s *authServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		s.idp.ServeHTTP(w, r)
		return
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s.calls.Lock()
	s.asked = append(s.asked, fmt.Sprintf("%s %s %s %s", r.Method, r.URL.Path, r.Header.Get("Authorization"), raw))
	instead, ok := s.instead[r.URL.Path]
	s.calls.Unlock()
	if ok {
		w.WriteHeader(instead.status)
		_, _ = io.WriteString(w, instead.body)
		return
	}
	said := members(r, raw)
	id, secret, basic := r.BasicAuth()
	if basic {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = said["client_id"], said["client_secret"]
	}
	known := id == "private client" && secret == clientSecret || r.URL.Path == validateToken && id == "private client"
	if !known {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":"invalid_client","error_description":"%s"}`, raw)
		return
	}
	s.answer(w, r.URL.Path, said)
}

func (s *authServer) answer(w http.ResponseWriter, path string, said map[string]string) {
	switch path {
	case "/introspect", keycloakIntrospect, validateToken:
		if said["token"] != canary {
			_, _ = io.WriteString(w, `{"active":false}`)
			return
		}
		_, _ = io.WriteString(w, `{"active":true,"scope":"openid offline_access","username":"alice","sub":"4711"}`)
	case keycloakToken, refreshToken:
		if said["refresh_token"] != canary {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": s.access, "token_type": "Bearer"})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// members are those of a question's body, form or JSON.
func members(r *http.Request, raw []byte) map[string]string {
	m := map[string]string{}
	if r.Header.Get("Content-Type") == "application/json" {
		_ = json.Unmarshal(raw, &m)
		return m
	}
	form, _ := url.ParseQuery(string(raw))
	for name := range form {
		m[name] = form.Get(name)
	}
	return m
}

func introspectionAt(base string) *Introspection {
	i := newIntrospection()
	i.URL, i.ClientID, i.ClientSecret = base+"/introspect", "private client", clientSecret
	return i
}

func offlineAt(base string) *OpenIDOffline {
	o := newOpenIDOffline()
	o.IAMURL, o.CertURI = base+"/", base+"/keys"
	o.PublicClient, o.PrivateClient, o.PrivateSecret = "public", "private client", clientSecret
	return o
}

func generatorAt(base string) *TokenGenerator {
	g := newTokenGenerator()
	g.URL, g.CertURI = base+"/generator/", base+"/keys"
	g.ClientID, g.ClientSecret = "private client", clientSecret
	return g
}
