package provider

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// No key travels under a version of TLS that is broken, even where the service speaks no other.
func TestOldTLSIsNotSpoken(t *testing.T) {
	for version, want := range map[uint16]outcome{tls.VersionTLS10: noDecision, tls.VersionTLS11: noDecision, tls.VersionTLS12: aUser, tls.VersionTLS13: aUser} {
		certificate, roots := newCertificate(t, "127.0.0.1", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		service := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"uid":"alice"}`)
		}))
		service.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: version, MaxVersion: version}
		service.Config.ErrorLog = log.New(io.Discard, "", 0)
		service.StartTLS()
		defer service.Close()
		w := newWorld(t)
		w.HTTP.(*http.Transport).TLSClientConfig.RootCAs = roots
		question(t, newRemotes(t, service.URL, w)["query"], want)
	}
}

// Headers cost memory for each caller at once, so there is a limit to theirs too.
func TestLargeHeadersOfAServiceAreNoAnswer(t *testing.T) {
	captured(t)
	for size, want := range map[int]outcome{8 << 10: aUser, 64 << 10: noDecision, 1 << 20: noDecision} {
		address, _ := listen(t, says(head+"X-Large: "+strings.Repeat("x", size)+"\r\nContent-Length: 15\r\n\r\n"+`{"uid":"alice"}`))
		question(t, newRemotes(t, "http://"+address, newWorld(t))["query"], want)
	}
}
