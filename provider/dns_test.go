package provider

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A resolver is a DNS server on loopback, which every look-up of this process asks while the test runs.
type resolver struct {
	answer atomic.Pointer[string] // an IPv4 address, or a code: see answers of TestNamesThatDoNotResolve
	asked  atomic.Int64
}

func startResolver(t *testing.T) *resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := new(resolver)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			r.asked.Add(1)
			if reply := r.reply(b[:n]); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		_ = conn.Close()
		<-done
	})
	return r
}

func (r *resolver) set(answer string) { r.answer.Store(&answer) }

// reply is the answer to a query (RFC 1035, section 4), nil for none.
func (r *resolver) reply(query []byte) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the root's length, type and class
	kind := binary.BigEndian.Uint16(query[end-4:])
	b := append([]byte{}, query[:end]...)
	copy(b[2:12], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
	switch text := *r.answer.Load(); text {
	case "silence":
		return nil
	case "no such name":
		b[3] |= 3
	case "failure":
		b[3] |= 2
	case "refused":
		b[3] |= 5
	case "garbage":
		return b[:5]
	case "another question's":
		b[0]++
	default:
		if kind != 1 { // it has no IPv6 address
			return b
		}
		b[7] = 1
		b = append(b, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		b = append(b, netip.MustParseAddr(text).AsSlice()...)
	}
	return b
}

// C03: a name that does not resolve is an outage, in time.
func TestNamesThatDoNotResolve(t *testing.T) {
	r := startResolver(t)
	for n, answer := range []string{"no such name", "failure", "refused", "silence", "garbage", "another question's", "0.0.0.0"} {
		t.Run(answer, func(t *testing.T) {
			r.set(answer)
			before := r.asked.Load()
			for _, scheme := range []string{"http", "https"} {
				// A name of its own: who asks for one that is being looked up waits with the others.
				a := newRemotes(t, fmt.Sprintf("%s://%s-%d.example:1", scheme, scheme, n), newWorld(t))["query"]
				question(t, a, noDecision)
			}
			if r.asked.Load() == before {
				t.Error("the resolver was not asked")
			}
		})
	}
}

// C03, C17: a name that is turned to another host, such as a cloud's own at 169.254.169.254, gives that host no key:
// it does not have the certificate. 127.0.0.2 stands for it, as nothing here leaves the machine.
func TestANameThatIsTurnedToAnotherHost(t *testing.T) {
	captured(t)
	r := startResolver(t)
	certificate, _ := newCertificate(t, "127.0.0.1", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	service := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, `{"uid":"alice"}`)
	}))
	service.Config.ErrorLog = log.New(io.Discard, "", 0)
	service.StartTLS() // with httptest's own certificate, which is for example.com
	defer service.Close()
	_, port, _ := net.SplitHostPort(service.Listener.Addr().String())
	l, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skip("this machine has no 127.0.0.2: ", err)
	}
	var told atomic.Int64
	other := &http.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			told.Add(1)
			_, _ = io.WriteString(w, `{"uid":"mallory"}`)
		}),
	}
	go func() { _ = other.ServeTLS(l, "", "") }()
	defer other.Close()
	w := newWorld(t)
	w.HTTP.(*http.Transport).TLSClientConfig.RootCAs = service.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for name, a := range newRemotes(t, "https://example.com:"+port, w) {
		r.set("127.0.0.1")
		question(t, a, aUser)
		r.set("127.0.0.2")
		question(t, a, noDecision)
		r.set("127.0.0.1")
		question(t, a, aUser)
		if told.Load() != 0 {
			t.Errorf("%s: the other host was asked", name)
		}
	}
	if text := w.log.String() + w.metrics(); strings.Contains(text, "mallory") || shows(text, oddKey) {
		t.Errorf("told of: %s", text)
	}
}
