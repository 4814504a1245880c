package contract_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512" // RS512 asks for it by number
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// services are all that auth-o-tron's providers ask, in one HTTP server on loopback. They keep what they were asked.
type services struct {
	server *httptest.Server
	signer *rsa.PrivateKey // of the identity provider, under the kid "one"

	mu    sync.Mutex // guards all below
	asked []call
	says  map[string]reply // by "METHOD PATH", and the token where there is one
}

// A call is one question that was put.
type call struct {
	method, target string
	header         http.Header
	body           string
}

// A reply is what is answered. A negative status hangs until the caller is gone.
type reply struct {
	status int
	body   string
}

func startServices(t *testing.T) *services {
	t.Helper()
	signer, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := &services{signer: signer, says: map[string]reply{}}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	s.say("GET /certs", 200, fmt.Sprintf(`{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"one","e":"AQAB","n":%[1]q},{"kty":"RSA","kid":"any","e":"AQAB","n":%[1]q}]}`, b64(signer.N.Bytes())))
	return s
}

// URL is where the services are.
func (s *services) URL() string {
	if s == nil {
		return ""
	}
	return s.server.URL
}

// say has a question answered from now on.
func (s *services) say(question string, status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.says[question] = reply{status, body}
}

// ServeHTTP answers 404 where nothing was said.
func (s *services) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.asked = append(s.asked, call{r.Method, r.RequestURI, r.Header.Clone(), string(body)})
	said, ok := s.says[r.Method+" "+r.RequestURI]
	s.mu.Unlock()
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case said.status < 0:
		<-r.Context().Done()
	default:
		if said.status/100 == 3 {
			w.Header().Set("Location", s.server.URL+said.body)
		}
		w.WriteHeader(said.status)
		_, _ = io.WriteString(w, said.body)
	}
}

// calls returns what was asked at a path since the last time, and forgets it.
func (s *services) calls(path string) (found []call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var others []call
	for _, c := range s.asked {
		if strings.HasPrefix(c.target, path) {
			found = append(found, c)
		} else {
			others = append(others, c)
		}
	}
	s.asked = others
	return found
}

func b64[T ~string | ~[]byte](b T) string { return base64.RawURLEncoding.EncodeToString([]byte(b)) }

// claims are those of a token.
type claims map[string]any

// in is a time from now, as a claim.
type in time.Duration

// token is signed by the identity provider's key with RS256, or RS512 if the header says so, with a header and claims beside or instead of the usual ones. A
// value that is nil is left out.
func (s *services) token(t *testing.T, header, more claims) string {
	t.Helper()
	input := segment(t, claims{"alg": "RS256", "kid": "one", "typ": "JWT"}, header) + "." +
		segment(t, claims{"sub": "4711", "preferred_username": "kate", "scope": "openid profile", "exp": time.Now().Add(time.Hour).Unix()}, more)
	hash := crypto.SHA256
	if header["alg"] == "RS512" {
		hash = crypto.SHA512
	}
	sum := hash.New()
	sum.Write([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.signer, hash, sum.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64(signature)
}

func segment(t *testing.T, usual, more claims) string {
	t.Helper()
	for name, value := range more {
		switch v := value.(type) {
		case nil:
			delete(usual, name)
		case in:
			usual[name] = time.Now().Add(time.Duration(v)).Unix()
		default:
			usual[name] = v
		}
	}
	text, err := json.Marshal(usual)
	if err != nil {
		t.Fatal(err)
	}
	return b64(text)
}
