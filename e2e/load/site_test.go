package load_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

func basic(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }

// startBackend answers with whom it sees: the name, a space, and the token.
func startBackend(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X-Auth-Username")+" "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// whom returns the user in a backend's answer, or fails if the token is another's.
func whom(body string) (string, error) {
	name, token, _ := strings.Cut(body, " ")
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return name, fmt.Errorf("no token in %q", body)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return name, err
	}
	var claims struct{ Username string }
	if err := json.Unmarshal(text, &claims); err != nil {
		return name, err
	}
	if claims.Username != name {
		return name, fmt.Errorf("the token of %q is for %q", name, claims.Username)
	}
	return name, nil
}

// startKeyService knows every key that begins with quick or slow as a user of that name, or of its beginning. The slow ones take it
// 300 ms.
func startKeyService(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case strings.HasPrefix(key, "slow"):
			time.Sleep(300 * time.Millisecond)
		case !strings.HasPrefix(key, "quick"):
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, `{"login": %q}`, key[:min(len(key), 40)])
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// keysConfig is a gatehouse that asks the key service at this URL. More of server stands in its first place.
const keysConfig = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock", %[1]s max_header_bytes: 15000 }
logging: { level: info, format: json }
metrics: { enabled: false }
jwt: { secret: 0123456789abcdef0123456789abcdef, exp: 1h }
providers:
  - { name: keys, type: http, realm: portal, url: %[2]s, user: login }
`

func startFront(t *testing.T, gateway string, edits ...rig.Edit) *rig.Front {
	t.Helper()
	return rig.StartFront(t, rig.Site{
		Files: []string{"gatehouse.conf"}, Gateway: gateway, Backend: startBackend(t), Edits: edits,
	})
}
