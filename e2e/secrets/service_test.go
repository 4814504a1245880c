package secrets_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A rude service says the key that it was asked about in every place where gatehouse may read it. It is an HTTP
// proxy too, for whatever address.
type rude struct {
	*httptest.Server
	hanging atomic.Int32 // questions that get no answer
	unnamed atomic.Int32 // questions without a password for the proxy
}

func rudeService(t *testing.T) *rude {
	s := new(rude)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Proxy-Authorization"), "Basic ") {
			s.unnamed.Add(1)
		}
		key := r.URL.Query().Get("token")
		for _, word := range []string{r.Header.Get("X-Api-Key"), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")} {
			if word != "" {
				key = word
			}
		}
		way, _, _ := strings.Cut(key, "-")
		answer, ok := answers[way]
		switch {
		case way == "hang":
			s.hanging.Add(1)
			<-r.Context().Done()
		case ok:
			answer(w, r, key)
		default:
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, key)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// awaitHanging waits until n questions hang.
func (s *rude) awaitHanging(t *testing.T, n int32) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); s.hanging.Load() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d questions hang, want %d", s.hanging.Load(), n)
		}
	}
}

// answers has what the service does with a key, by the word that the key begins with.
var answers = map[string]func(w http.ResponseWriter, r *http.Request, key string){
	"good": func(w http.ResponseWriter, _ *http.Request, _ string) {
		_, _ = io.WriteString(w, `{"uid": "kate", "email": "kate@example.org", "groups": ["g"]}`)
	},
	"broken": func(w http.ResponseWriter, _ *http.Request, key string) { http.Error(w, "cannot read "+key, 500) },
	"later": func(w http.ResponseWriter, _ *http.Request, key string) {
		w.Header().Set("Retry-After", key)
		w.WriteHeader(429)
	},
	"redirect": func(w http.ResponseWriter, r *http.Request, key string) {
		http.Redirect(w, r, "/?k="+key, http.StatusFound)
	},
	"garbage": func(w http.ResponseWriter, _ *http.Request, key string) { raw(w, key+"\r\n\r\n") },
	"header":  func(w http.ResponseWriter, _ *http.Request, key string) { raw(w, "HTTP/1.1 200 OK\r\n"+key+"\r\n\r\n") },
	"status":  func(w http.ResponseWriter, _ *http.Request, key string) { raw(w, "HTTP/1.1 "+key+"\r\n\r\n") },
	"length": func(w http.ResponseWriter, _ *http.Request, key string) {
		raw(w, "HTTP/1.1 200 OK\r\nContent-Length: "+key+"\r\n\r\n")
	},
	"chunk": func(w http.ResponseWriter, _ *http.Request, key string) {
		raw(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+key+"\r\n")
	},
	"stray": func(w http.ResponseWriter, _ *http.Request, key string) {
		raw(w, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"+key)
	},
	"cut": func(w http.ResponseWriter, _ *http.Request, key string) {
		raw(w, "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"+key)
	},
	"text": func(w http.ResponseWriter, _ *http.Request, key string) { _, _ = io.WriteString(w, key) },
	"trailer": func(w http.ResponseWriter, _ *http.Request, key string) {
		_, _ = fmt.Fprintf(w, `{"uid": "kate"} %s`, key)
	},
	"twice": func(w http.ResponseWriter, _ *http.Request, key string) {
		_, _ = fmt.Fprintf(w, `{"uid": "kate", %[1]q: 1, %[1]q: 2}`, key)
	},
	"expiry": func(w http.ResponseWriter, _ *http.Request, key string) {
		_, _ = fmt.Fprintf(w, `{"uid": "kate", "until": %q}`, key)
	},
	"unusable": func(w http.ResponseWriter, _ *http.Request, key string) {
		_, _ = fmt.Fprintf(w, `{"uid": "%s\u0000"}`, key)
	},
}

// raw answers with these bytes and hangs up.
func raw(w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, text)
	_ = conn.Close()
}
