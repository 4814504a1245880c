package provider

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/auth"
)

// oddKey is a key whose bytes URLs and forms write in another way.
const oddKey = "Canary7f3+a/x~y-._0=="

// A speaker answers one question on a raw connection. It is given what it was asked, with the key in it.
type speaker func(c net.Conn, question string)

// listen has speak answer every connection, once, and returns the address. Connections are closed when
// speak returns and, at the latest, with the test.
func listen(t *testing.T, speak speaker) (address string, connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections = new(atomic.Int64)
	ended, end := context.WithCancel(context.Background())
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); end(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			all.Go(func() {
				defer c.Close()
				defer context.AfterFunc(ended, func() { c.Close() })()
				speak(c, readQuestion(c))
			})
		}
	})
	return l.Addr().String(), connections
}

func readQuestion(c net.Conn) string {
	var head strings.Builder
	for r := bufio.NewReader(c); ; {
		line, err := r.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String()
		}
	}
}

// says writes text, in which KEY stands for the key, and hangs up.
func says(text string) speaker {
	whole := []byte(strings.ReplaceAll(text, "KEY", oddKey))
	return func(c net.Conn, _ string) { _, _ = c.Write(whole) }
}

// answers is a whole answer of this status.
func answers(status int, body string) speaker {
	return says(fmt.Sprintf("HTTP/1.1 %d KEY\r\nX-Echo: KEY\r\nContent-Length: %d\r\n\r\n%s", status,
		len(strings.ReplaceAll(body, "KEY", oddKey)), body))
}

// waits says text, then nothing until the other side leaves.
func waits(text string) speaker {
	return func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	}
}

// breaks says text and resets the connection.
func breaks(text string) speaker {
	return func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, text)
		_ = c.(*net.TCPConn).SetLinger(0)
	}
}

// repeats says text and then part, for ever or so many times.
func repeats(text, part string, times int) speaker {
	again := []byte(strings.ReplaceAll(part, "KEY", oddKey))
	return func(c net.Conn, _ string) {
		_, err := io.WriteString(c, text)
		for i := 0; err == nil && (times == 0 || i < times); i++ {
			_, err = c.Write(again)
		}
	}
}

// drips says text and then a byte now and then.
func drips(text string) speaker {
	return func(c net.Conn, _ string) {
		_, err := io.WriteString(c, text)
		for tick := time.NewTicker(20 * time.Millisecond); err == nil; <-tick.C {
			_, err = io.WriteString(c, " ")
		}
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.String()
}

// An outcome is what a question may end in.
type outcome string

const (
	aUser      outcome = "a user"
	namelessly outcome = "a user whose name the gate refuses"
	denied     outcome = "denied"
	noDecision outcome = "no decision"
)

func outcomeOf(u auth.User, err error) outcome {
	switch {
	case err == nil && auth.CheckName(u.Name) == nil:
		return aUser
	case err == nil:
		return namelessly
	case u.Name != "" || len(u.Roles)+len(u.Attributes) > 0:
		return "an error and a user"
	case errors.Is(err, auth.ErrDenied):
		return denied
	case errors.Is(err, auth.ErrNotMine):
		return "not mine"
	}
	return noDecision
}

const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

// faults are answers of a service, and what each may end in.
var faults = []struct {
	name  string
	speak speaker
	want  outcome
}{
	{"a name and nothing else", answers(200, `{"uid":"alice"}`), aUser},
	{"a name among much else", answers(200, ` {"x":[{"uid":null},{}],"uid":"alice","y":1e400} `+"\r\n"), aUser},
	{"an answer without a length that ends with its connection", says(head + "\r\n" + `{"uid":"alice"}`), aUser},
	{"an answer in chunks", says(head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"uid\r\na\r\n\":\"alice\"}\r\n0\r\n\r\n"), aUser},
	{"an answer of exactly 64 KiB", answers(200, `{"uid":"alice"}`+strings.Repeat(" ", maxAnswer-15)), aUser},
	{"many at signs, which are for policies to judge", answers(200, `{"uid":"a@evil@example.org"}`), aUser},
	{"a few early hints first", says("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + head + "Content-Length: 15\r\n\r\n" + `{"uid":"alice"}`), aUser},

	{"an empty name", answers(200, `{"uid":""}`), namelessly},
	{"a null for a name", answers(200, `{"uid":null}`), namelessly},
	{"a number for a name", answers(200, `{"uid":1}`), namelessly},
	{"a boolean for a name", answers(200, `{"uid":true}`), namelessly},
	{"a list for a name", answers(200, `{"uid":["root"]}`), namelessly},
	{"an object for a name", answers(200, `{"uid":{"uid":"root"}}`), namelessly},
	{"no name", answers(200, `{}`), namelessly},
	{"the name in another case", answers(200, `{"UID":"root"}`), namelessly},
	{"a name with a line break", answers(200, `{"uid":"al\r\nX-Auth-Roles: admin"}`), namelessly},
	{"a name with a NUL", answers(200, `{"uid":"al\u0000"}`), namelessly},
	{"a name of 300 bytes", answers(200, `{"uid":"`+strings.Repeat("a", 300)+`"}`), namelessly},
	{"a name of 60 kB", answers(200, `{"uid":"`+strings.Repeat("a", 60_000)+`"}`), namelessly},
	{"a lone surrogate in the name", answers(200, `{"uid":"al\ud800ice"}`), namelessly},
	{"a name that reads from right to left", answers(200, `{"uid":"\u202ealice"}`), namelessly},
	{"outer space around the name", answers(200, `{"uid":"alice "}`), namelessly},

	{"status 401", answers(401, `{"uid":"alice","key":"KEY"}`), denied},
	{"status 403", answers(403, "no user has KEY"), denied},
	{"status 401 without a body", says("HTTP/1.1 401\r\nContent-Length: 0\r\n\r\n"), denied},
	{"status 403 with a body that never ends", repeats("HTTP/1.1 403 No\r\n\r\n", strings.Repeat("no", 4096), 0), denied},

	{"silence", waits(""), noDecision},
	{"half a status line", waits("HTTP/1.1 200"), noDecision},
	{"half a body and then silence", waits(head + "Content-Length: 15\r\n\r\n" + `{"uid":"al`), noDecision},
	{"a whole object whose length promises more", waits(head + "Content-Length: 99\r\n\r\n" + `{"uid":"alice"}`), noDecision},
	{"a hang-up at once", says(""), noDecision},
	{"a reset at once", breaks(""), noDecision},
	{"a reset after the headers", breaks(head + "Content-Length: 15\r\n\r\n"), noDecision},
	{"a hang-up amid the body", says(head + "Content-Length: 99\r\n\r\n" + `{"uid":"alice"}`), noDecision},
	{"a hang-up between chunks", says(head + "Transfer-Encoding: chunked\r\n\r\nf\r\n" + `{"uid":"alice"}` + "\r\n"), noDecision},
	{"a reset amid a 401", breaks("HTTP/1.1 401 No\r\nContent-Length: 99\r\n\r\n"), noDecision},
	{"a body that drips", drips(head + "Content-Length: 9999\r\n\r\n" + `{"uid":"alice"}`), noDecision},
	{"headers that drip", drips("HTTP/1.1 200 OK\r\nX: "), noDecision},
	{"100 Continue for ever", repeats("", "HTTP/1.1 100 Continue\r\n\r\n", 0), noDecision},
	{"an empty body", answers(200, ""), noDecision},
	{"HTML", answers(200, "<!DOCTYPE html><title>KEY</title>"), noDecision},
	{"JSON that is null", answers(200, "null"), noDecision},
	{"JSON that is a list", answers(200, `[{"uid":"alice"}]`), noDecision},
	{"an empty list", answers(200, `[]`), noDecision},
	{"JSON that is a string", answers(200, `"KEY"`), noDecision},
	{"half an object", answers(200, `{"uid":"alice"`), noDecision},
	{"garbage after the object", answers(200, `{"uid":"alice"} KEY`), noDecision},
	{"a brace after the object", answers(200, `{"uid":"alice"}}`), noDecision},
	{"two objects", answers(200, `{"uid":"alice"}{"uid":"bob"}`), noDecision},
	{"two names", answers(200, `{"uid":"alice","uid":"bob"}`), noDecision},
	{"two names of one spelling", answers(200, `{"uid":"alice","\u0075id":"bob"}`), noDecision},
	{"two names further in", answers(200, `{"uid":"alice","x":[{"a":1,"a":2}]}`), noDecision},
	{"a comma too many", answers(200, `{"uid":"alice",}`), noDecision},
	{"single quotes that quote the key", answers(200, `{'uid':'KEY'}`), noDecision},
	{"bytes that are not UTF-8", answers(200, "{\"uid\":\"al\xffice\"}"), noDecision},
	{"bytes that are not UTF-8 elsewhere", answers(200, "{\"uid\":\"alice\",\"x\":\"\xc0\xae\"}"), noDecision},
	{"UTF-16", answers(200, "\xff\xfe{\x00}\x00"), noDecision},
	{"a byte order mark", answers(200, "\xef\xbb\xbf{\"uid\":\"alice\"}"), noDecision},
	{"lists 10,000 deep", answers(200, `{"uid":"alice","x":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+"}"), noDecision},
	{"an object of 64 KiB and a byte", answers(200, `{"uid":"alice"}`+strings.Repeat(" ", maxAnswer-14)), noDecision},
	{"a name of 1 MB", answers(200, `{"uid":"`+strings.Repeat("a", 1_000_000)+`"}`), noDecision},
	{"chunks for ever", repeats(head+"Transfer-Encoding: chunked\r\n\r\n", "4\r\n    \r\n", 0), noDecision},
	{"a body for ever", repeats(head+"\r\n", strings.Repeat(" ", 8192), 0), noDecision},
	{"headers of 1 MB", repeats(head, "X-Much: "+strings.Repeat("a", 1000)+"\r\n", 1000), noDecision},
	{"one header of 1 MB", repeats(head+"X: ", strings.Repeat("KEY", 1000), 400), noDecision},
	{"a gzipped object, which nobody asked for", says(head + "Content-Encoding: gzip\r\n\r\n" + gzipped(`{"uid":"alice"}`)), noDecision},
	{"a gzip bomb", says(head + "Content-Encoding: gzip\r\n\r\n" + gzipped(`{"uid":"alice"}`+strings.Repeat(" ", 10<<20))), noDecision},
	{"status 201", answers(201, `{"uid":"alice"}`), noDecision},
	{"status 202", answers(202, `{"uid":"alice"}`), noDecision},
	{"status 204", says("HTTP/1.1 204 OK\r\n\r\n"), noDecision},
	{"status 206", answers(206, `{"uid":"alice"}`), noDecision},
	{"status 300", answers(300, `{"uid":"alice"}`), noDecision},
	{"status 304", says("HTTP/1.1 304 Same\r\n\r\n"), noDecision},
	{"status 400", answers(400, "bad KEY"), noDecision},
	{"status 404", answers(404, "no KEY"), noDecision},
	{"status 407", answers(407, "no KEY"), noDecision},
	{"status 429", answers(429, "slow down, KEY"), noDecision},
	{"status 500", answers(500, "broken: KEY"), noDecision},
	{"status 503", answers(503, "KEY"), noDecision},
	{"status 599", answers(599, "KEY"), noDecision},
	{"status 999", answers(999, "KEY"), noDecision},
	{"a status of two digits", says("HTTP/1.1 20 OK KEY\r\n\r\n"), noDecision},
	{"a status that is no number", says("HTTP/1.1 KEY OK\r\n\r\n"), noDecision},
	{"HTTP/0.9", says(`{"uid":"alice"}`), noDecision},
	{"HTTP/0.9 that quotes the key", says("you said KEY"), noDecision},
	{"another protocol that quotes the key", says("SSH-2.0-KEY\r\n"), noDecision},
	{"a header line without a colon that quotes the key", says("HTTP/1.1 200 OK\r\nKEY\r\n\r\n"), noDecision},
	{"a header name that quotes the key", says("HTTP/1.1 200 OK\r\nA B KEY: x\r\n\r\n"), noDecision},
	{"two lengths that quote the key", says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: KEY\r\n\r\n"), noDecision},
	{"a transfer coding that quotes the key", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: KEY\r\n\r\n"), noDecision},
	{"a chunk length that quotes the key", says(head + "Transfer-Encoding: chunked\r\n\r\nKEY\r\n"), noDecision},
	{"a trailer that quotes the key", says(head + "Trailer: A\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA B KEY\r\n\r\n"), noDecision},
	{"a switch of protocols", says("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: KEY\r\n\r\n"), noDecision},
}

// newRemotes returns an http provider for each place of a key, at this base URL.
func newRemotes(t *testing.T, base string, w *world) map[string]auth.Authenticator {
	t.Helper()
	remotes := map[string]auth.Authenticator{
		"ecmwf-api": open(t, t.Context(), ecmwfAt(base), w.Env),
	}
	for _, place := range []string{"query", "header", "authorization"} {
		h := newHTTP()
		h.URL, h.Key, h.User = base+"/me", KeyPlace{In: place}, "uid"
		remotes[place] = open(t, t.Context(), h, w.Env)
	}
	return remotes
}

const (
	deadline = 300 * time.Millisecond
	slack    = 2 * time.Second // two noisy cores under the race detector
)

// question asks once, within deadline, and checks how it ends.
func question(t *testing.T, a auth.Authenticator, want outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	begin := time.Now()
	u, err := a.Authenticate(ctx, bearer(oddKey))
	if took := time.Since(begin); took > deadline+slack {
		t.Errorf("took %s", took)
	}
	if got := outcomeOf(u, err); got != want {
		t.Errorf("got %s (%q, %v), want %s", got, u.Name, err, want)
	}
	if err == nil {
		return
	}
	for _, secret := range []string{oddKey, "Canary", "token=", "?", "http://", "https://"} {
		if shows(err.Error(), secret) {
			t.Errorf("error shows %q: %v", secret, err)
		}
	}
}

// captured returns what package log, which net/http writes to, is told until the test ends.
func captured(t *testing.T) *journal {
	j := &journal{}
	out := log.Writer()
	log.SetOutput(j)
	t.Cleanup(func() { log.SetOutput(out) })
	return j
}

func TestFaultsOfAService(t *testing.T) {
	stderr := captured(t)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t)
			address, _ := listen(t, f.speak)
			for place, a := range newRemotes(t, "http://"+address, w) {
				t.Run(place, func(t *testing.T) { question(t, a, f.want) })
			}
			if text := w.log.String() + w.metrics(); shows(text, oddKey) {
				t.Errorf("shows the key: %s", text)
			}
		})
	}
	if shows(stderr.String(), oddKey) {
		t.Errorf("net/http logs the key: %s", stderr)
	}
}

// net/http tells package log of bytes that follow a whole answer, and quotes them. No setting of a transport
// stops that, so main must give package log no place to write to. This test tells when Go has changed.
func TestNetHTTPWritesStrayBytesToPackageLog(t *testing.T) {
	stderr := captured(t)
	address, _ := listen(t, says(head+"Content-Length: 15\r\n\r\n"+`{"uid":"alice"}`+"KEY"))
	question(t, newRemotes(t, "http://"+address, newWorld(t))["query"], aUser)
	until(t, "a line of net/http", func() bool { return strings.Contains(stderr.String(), "Unsolicited response") })
	if !shows(stderr.String(), oddKey) {
		t.Log("the line does not quote the key any more: package log may write again")
	}
}

// Memory is bounded too: what all callers allocate, the service's own side included, is some answers each.
func TestFaultsOfAServiceForFiftyAtOnce(t *testing.T) {
	const callers = 50
	captured(t)
	for _, f := range faults {
		if testing.Short() && (f.want != noDecision || !strings.Contains(f.name, "ever")) {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			address, _ := listen(t, f.speak)
			a := newRemotes(t, "http://"+address, newWorld(t))["query"]
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var all sync.WaitGroup
			for range callers {
				all.Go(func() {
					want := f.want
					if want != noDecision && a.(*httpService).spare.most < callers {
						ctx, cancel := context.WithTimeout(t.Context(), slack)
						defer cancel()
						if got := outcomeOf(a.Authenticate(ctx, bearer(oddKey))); got != want {
							t.Errorf("got %s, want %s", got, want)
						}
						return
					}
					question(t, a, want)
				})
			}
			all.Wait()
			runtime.ReadMemStats(&after)
			if each := (after.TotalAlloc - before.TotalAlloc) / callers; each > 2<<20 {
				t.Errorf("%d bytes for each caller", each)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for place, a := range newRemotes(t, "http://"+l.Addr().String(), newWorld(t)) {
		t.Run(place, func(t *testing.T) { question(t, a, noDecision) })
	}
	_, err = newRemotes(t, "http://"+l.Addr().String(), newWorld(t))["query"].Authenticate(t.Context(), bearer(oddKey))
	if err == nil || err.Error() != "connection refused" {
		t.Errorf("got %v", err)
	}
}

func TestANameThatCannotBeResolved(t *testing.T) {
	question(t, newRemotes(t, "http://no-such-host.invalid", newWorld(t))["query"], noDecision)
}

func TestNoRedirectIsFollowed(t *testing.T) {
	elsewhere, connections := listen(t, answers(200, `{"uid":"mallory"}`))
	w := newWorld(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, location := range map[string]string{
			"another host":                    "http://" + elsewhere + "/who-am-i?token=KEY",
			"the same host, another port":     "//" + elsewhere + "/",
			"a broken location with the key":  "http://" + elsewhere + "/%zz?token=KEY",
			"a location with control letters": "http://" + elsewhere + "/\x7f?token=KEY",
			"itself":                          "/me",
			"no location":                     "",
		} {
			t.Run(fmt.Sprintf("%d to %s", status, name), func(t *testing.T) {
				address, asked := listen(t, says(fmt.Sprintf(
					"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{\"uid\":\"alice\"}", status, location)))
				remotes := newRemotes(t, "http://"+address, w)
				for _, a := range remotes {
					question(t, a, noDecision)
				}
				if n := asked.Load(); n != int64(len(remotes)) {
					t.Errorf("%d connections for %d questions", n, len(remotes))
				}
			})
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections to where a redirect led", n)
	}
}

// A redirect's status cannot be made to mean no, and one that says 401 is no redirect.
func TestALocationWithA401IsNotFollowed(t *testing.T) {
	elsewhere, connections := listen(t, answers(200, `{"uid":"mallory"}`))
	address, _ := listen(t, says("HTTP/1.1 401 No\r\nLocation: http://"+elsewhere+"/\r\nContent-Length: 0\r\n\r\n"))
	question(t, newRemotes(t, "http://"+address, newWorld(t))["query"], denied)
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections elsewhere", n)
	}
}

func TestOnlyARightCertificateIsTalkedTo(t *testing.T) {
	captured(t)
	now := time.Now()
	hour := time.Hour
	for _, c := range []struct {
		name     string
		host     string // as the certificate has it
		from, to time.Time
		known    bool // whether its authority is known
		want     outcome
		says     string
	}{
		{"right in all", "127.0.0.1", now.Add(-hour), now.Add(hour), true, aUser, ""},
		{"of itself", "127.0.0.1", now.Add(-hour), now.Add(hour), false, noDecision, "its certificate is signed by an unknown authority"},
		{"of another name", "127.0.0.2", now.Add(-hour), now.Add(hour), true, noDecision, "its certificate is for another name"},
		{"out of date", "127.0.0.1", now.Add(-2 * hour), now.Add(-hour), true, noDecision, "its certificate is not valid"},
		{"of tomorrow", "127.0.0.1", now.Add(hour), now.Add(2 * hour), true, noDecision, "its certificate is not valid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			certificate, roots := newCertificate(t, c.host, c.from, c.to)
			service := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"uid":"alice"}`)
			}))
			service.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			service.Config.ErrorLog = log.New(io.Discard, "", 0)
			service.StartTLS()
			defer service.Close()
			w := newWorld(t)
			if c.known {
				w.HTTP.(*http.Transport).TLSClientConfig.RootCAs = roots
			}
			a := newRemotes(t, service.URL, w)["query"]
			question(t, a, c.want)
			if _, err := a.Authenticate(t.Context(), bearer(oddKey)); c.says != "" && (err == nil || err.Error() != c.says) {
				t.Errorf("got %v, want %s", err, c.says)
			}
		})
	}
}

func TestTLSWhereThereIsNone(t *testing.T) {
	address, _ := listen(t, says("HTTP/1.1 200 OK\r\n\r\n{\"uid\":\"alice\"}"))
	question(t, newRemotes(t, "https://"+address, newWorld(t))["query"], noDecision)
}

// newCertificate makes a certificate that is its own authority.
func newCertificate(t *testing.T, host string, from, to time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gatehouse test"}, NotBefore: from, NotAfter: to,
		IPAddresses: []net.IP{net.ParseIP(host)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
