package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
)

func TestTheBreakerOpensByManyCredentialsOfMoreThanOneClient(t *testing.T) {
	silences := map[string]roundTrip{
		"silence":                    hangs,
		"silence amid the body":      hangsAmid,
		"a refused connection":       refused,
		"no route":                   unconnected(&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}),
		"an unknown name":            unconnected(&net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}),
		"a certificate of another":   unconnected(&tls.CertificateVerificationError{Err: errors.New("of another")}),
		"an alert amid a handshake":  unconnected(&net.OpError{Op: "remote error", Err: errors.New("alert")}),
		"a hang-up amid a handshake": unconnected(io.EOF),
	}
	for _, c := range []struct {
		name string
		of   func(i int) (address, key string)
		n    int
		open bool
	}{
		{"40 credentials of one address", func(i int) (string, string) { return "192.0.2.1", fmt.Sprint(i) }, 40, false},
		{"10 credentials of each of two addresses", func(i int) (string, string) { return fmt.Sprintf("192.0.2.%d", i%2), fmt.Sprint(i) }, 20, true},
		{"10 of one address and 9 of another", func(i int) (string, string) { return fmt.Sprintf("192.0.2.%d", i%2), fmt.Sprint(i) }, 19, false},
		{"40 of one address, and 9 of another", func(i int) (string, string) { return fmt.Sprintf("192.0.2.%d", i/40), fmt.Sprint(i) }, 49, false},
		{"40 of one address, and 10 of another", func(i int) (string, string) { return fmt.Sprintf("192.0.2.%d", i/40), fmt.Sprint(i) }, 50, true},
		{"one key ten times and nine more of one address, and 10 of another", func(i int) (string, string) {
			return fmt.Sprintf("192.0.2.%d", i/19), fmt.Sprint(max(i, 9))
		}, 29, true},
		{"40 credentials of nobody knows whom", func(i int) (string, string) { return "", fmt.Sprint(i) }, 40, false},
		{"10 of nobody knows whom and 10 of one address", func(i int) (string, string) { return []string{"", "192.0.2.1"}[i%2], fmt.Sprint(i) }, 20, true},
		{"20 credentials of 20 addresses", func(i int) (string, string) { return fmt.Sprintf("192.0.2.%d", i), fmt.Sprint(i) }, 20, true},
		{"19 credentials of 19 addresses", func(i int) (string, string) { return fmt.Sprintf("192.0.2.%d", i), fmt.Sprint(i) }, 19, false},
		{"one credential of 40 addresses", func(i int) (string, string) { return fmt.Sprintf("192.0.2.%d", i), "k" }, 40, false},
		{"40 addresses of one IPv6 network", func(i int) (string, string) { return fmt.Sprintf("2001:db8::%x", i), fmt.Sprint(i) }, 40, false},
		{"20 IPv6 networks", func(i int) (string, string) { return fmt.Sprintf("2001:db8:0:%x::1", i), fmt.Sprint(i) }, 20, true},
		{"one IPv4 address written in two ways", func(i int) (string, string) { return []string{"192.0.2.1", "::ffff:192.0.2.1"}[i%2], fmt.Sprint(i) }, 40, false},
	} {
		for silence, how := range silences {
			t.Run(c.name+"/"+silence, func(t *testing.T) {
				inABubble(t, func(s *service) {
					s.answer = how
					for i := range c.n {
						if s.isOpen() {
							t.Fatalf("open after %d", i)
						}
						if err := s.ask(c.of(i)); isDecision(err) {
							t.Fatalf("got %v", err)
						}
					}
					if s.isOpen() != c.open {
						t.Errorf("open: %t, want %t", s.isOpen(), c.open)
					}
					if s.asked.Load() != int64(c.n) {
						t.Errorf("%d of %d were asked", s.asked.Load(), c.n)
					}
					s.answer = yes
					if err := s.ask("198.51.100.1", "new"); (err == nil) == c.open {
						t.Errorf("afterwards: %v", err)
					}
				})
			})
		}
	}
}

// Whatever a service says, it is there.
func TestAnyAnswerBeginsANewRowOfFailures(t *testing.T) {
	for name, answer := range map[string]roundTrip{
		"a user": yes, "a denial": status(401), "status 500": status(500), "status 503": status(503), "a redirect": status(302),
		"status 429": status(429), "status 503 with a time": status(503, "Retry-After: 1"),
		"garbage": says200("<html>"), "nothing": says200(""), "too much": says200(strings.Repeat(" ", maxAnswer+1)),
		"half a body": func(*http.Request) (*http.Response, error) {
			r := response(200, "")
			r.Body = reads(func() error { return io.ErrUnexpectedEOF })
			return r, nil
		},
		"429 with a body that does not come": func(r *http.Request) (*http.Response, error) {
			resp, err := hangsAmid(r)
			resp.StatusCode = 429
			return resp, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inABubble(t, func(s *service) {
				s.fails(19, refused)
				s.answer = answer
				_ = s.ask("", "k")
				s.fails(19, refused)
				if s.isOpen() {
					t.Error("it has opened")
				}
				s.fails(1, refused)
				if !s.isOpen() {
					t.Error("it has not opened")
				}
			})
		})
	}
}

// What says nothing of the service neither counts nor begins a new row.
func TestWhatIsNoFaultOfTheServiceDoesNotCount(t *testing.T) {
	for name, c := range map[string]struct {
		answer roundTrip
		limit  time.Duration
	}{
		"a key that no header can hold":   {failing(errors.New("net/http: invalid header field value for \"Authorization\"")), time.Minute},
		"what is not HTTP":                {failing(errors.New("malformed HTTP response")), time.Minute},
		"a panic":                         {func(*http.Request) (*http.Response, error) { panic("a fault") }, time.Minute},
		"a caller who leaves":             {failing(context.Canceled), time.Minute},
		"a reset":                         {failing(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), time.Minute},
		"a broken pipe":                   {failing(&net.OpError{Op: "write", Err: syscall.EPIPE}), time.Minute},
		"a hang-up":                       {failing(io.EOF), time.Minute},
		"an alert of TLS afterwards":      {failing(&net.OpError{Op: "remote error", Err: errors.New("alert")}), time.Minute},
		"a caller who leaves amid a dial": {unconnected(&net.OpError{Op: "dial", Err: context.Canceled}), time.Minute},
		"a question that came late":       {hangs, 999 * time.Millisecond},
		"one late amid the body":          {hangsAmid, 999 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inABubble(t, func(s *service) {
				s.fails(19, refused)
				s.answer = c.answer
				for i := range 40 {
					func() {
						defer func() { _ = recover() }()
						if err := s.askFor(c.limit, fmt.Sprintf("198.51.100.%d", i), fmt.Sprint("odd ", i)); isDecision(err) {
							t.Errorf("got %v", err)
						}
					}()
				}
				if s.isOpen() || s.asked.Load() != 59 {
					t.Fatalf("open: %t, asked: %d", s.isOpen(), s.asked.Load())
				}
				s.fails(1, refused)
				if !s.isOpen() {
					t.Error("it has begun a new row")
				}
			})
		})
	}
}

func TestATimeoutCountsIfTheServiceHadEnoughTime(t *testing.T) {
	for _, c := range []struct {
		name          string
		longest, had  time.Duration
		counts        bool
		waitedInQueue time.Duration
	}{
		{"all of 5 s", 5 * time.Second, 5 * time.Second, true, 0},
		{"1 s of 5 s", 5 * time.Second, time.Second, true, 0},
		{"less than 1 s of 5 s", 5 * time.Second, 999 * time.Millisecond, false, 0},
		{"all of 400 ms, where nothing comes with more", 400 * time.Millisecond, 400 * time.Millisecond, true, 0},
		{"less than half of 400 ms", 400 * time.Millisecond, 199 * time.Millisecond, false, 0},
		{"800 ms after 4.2 s in the queue", 5 * time.Second, 5 * time.Second, false, 4200 * time.Millisecond},
		{"1 s after 4 s in the queue", 5 * time.Second, 5 * time.Second, true, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			inABubble(t, func(s *service) {
				if err := s.askFor(c.longest, "", "first"); err != nil {
					t.Fatal(err)
				}
				s.answer = func(r *http.Request) (*http.Response, error) {
					if strings.HasSuffix(r.Header.Get("Authorization"), "slow") {
						time.Sleep(c.waitedInQueue)
						return nil, errors.New("no HTTP")
					}
					return hangs(r)
				}
				var all sync.WaitGroup
				if c.waitedInQueue > 0 {
					for i := range maxConcurrent {
						all.Go(func() { _ = s.ask("", fmt.Sprint(i, " slow")) })
					}
					synctest.Wait()
				}
				for i := range 20 {
					all.Go(func() {
						if err := s.askFor(c.had, fmt.Sprintf("192.0.2.%d", i), fmt.Sprint(i)); !errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("got %v", err)
						}
					})
				}
				all.Wait()
				if s.isOpen() != c.counts {
					t.Errorf("open: %t, want %t", s.isOpen(), c.counts)
				}
			})
		})
	}
}

func TestATallyIsBounded(t *testing.T) {
	tally := newTally(20, 10)
	for i := range 1000 {
		tally.add(asker{credential: digest{byte(i), byte(i >> 8)}, client: fmt.Sprint("client ", i)})
	}
	if len(tally.counted) != 20 || len(tally.clients) != 20 {
		t.Errorf("%d credentials, %d clients", len(tally.counted), len(tally.clients))
	}
}

// The errors of net/http itself, as the breaker sees them.
func TestWhatCountsAsUnreached(t *testing.T) {
	captured(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	strict := httptest.NewUnstartedServer(http.NotFoundHandler())
	strict.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	strict.StartTLS()
	defer strict.Close()
	second := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("it was asked by %s", r.Proto)
		}
		panic(http.ErrAbortHandler)
	}))
	second.EnableHTTP2 = true
	second.StartTLS()
	defer second.Close()
	at := func(speak speaker) string { address, _ := listen(t, speak); return "http://" + address }
	for _, c := range []struct {
		name, url, key string
		want           bool
	}{
		{"nobody listens", "http://" + closed.Addr().String(), "k", true},
		{"an unknown authority", secure.URL, "k", true},
		{"a version of TLS that is too old", old.URL, "k", true},
		{"HTTP where there should be TLS", strings.Replace(plain.URL, "http", "https", 1), "k", true},
		{"a hang-up amid a handshake", "https://" + hangsUp(t, 0), "k", true},
		{"a reset amid a handshake", "https://" + hangsUp(t, 1), "k", true},
		{"an alert after the handshake", strict.URL, "k", false},
		{"a hang-up at once", at(says("")), "k", false},
		{"a reset at once", at(breaks("")), "k", false},
		{"a reset of a stream of HTTP/2", second.URL, "k", false},
		{"a key that no header can hold", at(answers(200, "")), "a\nb", false},
		{"a status line that is none", at(says("SSH-2.0\r\n\r\n")), "k", false},
		{"headers of 1 MB", at(repeats(head, "X-Much: "+strings.Repeat("a", 1000)+"\r\n", 1000)), "k", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if slices.Contains([]string{strict.URL, second.URL}, c.url) {
				w.HTTP.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true
			}
			s := newRemotes(t, c.url, w)["authorization"].(*httpService)
			_, err := s.get(t.Context(), c.key)
			silence, ok := errors.AsType[*silence](err)
			if !ok || silence.unreached != c.want || isDecision(err) {
				t.Errorf("got %#v", err)
			}
		})
	}
}

// hangsUp ends every connection when so many bytes of it are read: with a reset, since there are more.
func hangsUp(t *testing.T, bytes int64) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.CopyN(io.Discard, c, bytes)
			c.Close()
		}
	})
	return l.Addr().String()
}

// A closed port opens the breaker of each kind by way of the real transport.
func TestBothRemoteKindsAreSpared(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for place, a := range newRemotes(t, "http://"+l.Addr().String(), newWorld(t)) {
		for i := range 20 {
			ctx := from(t.Context(), fmt.Sprintf("192.0.2.%d", i))
			if _, err := a.Authenticate(ctx, bearer(fmt.Sprint(oddKey, i))); err == nil || err.Error() != "connection refused" {
				t.Fatalf("%s: got %v", place, err)
			}
		}
		_, err := a.Authenticate(t.Context(), bearer(oddKey))
		if later, ok := errors.AsType[*auth.Later](err); !ok || later.After <= 0 || later.After > openFor || shows(err.Error(), oddKey) {
			t.Errorf("%s: got %v", place, err)
		}
	}
}
