package provider

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/auth"
	"gatehouse/e2e/leaks"
	"gatehouse/metrics"
	"gatehouse/password"
)

// proxyTrap is where the environment of every test says that a proxy is.
const proxyTrap = "127.0.0.1:9"

// TestMain sets the proxy variables for all tests, since net/http reads them once for a process.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		_ = os.Setenv(name, "http://"+proxyTrap)
	}
	_ = os.Unsetenv("NO_PROXY")
	_ = os.Unsetenv("no_proxy")
	os.Exit(leaks.Run(m)) // C42
}

// The passwords of the hashes below, which htpasswd and openssl made for these tests.
const (
	first  = "open sesame"
	second = "second door"

	firstBcrypt  = "$2y$04$56yxquq26I/HwHd33BnERuJH1GuQKVryJ5waHX9dwLOZJsnQGO0uK"
	firstBcrypt5 = "$2y$05$FottNh.lszP2GpI8GM.bkuwOpTQAdHxTIcbcQP8BpDL15DH/66vl."
	firstBcrypt6 = "$2y$06$aC/bBqu14JeeS45CWD0mYed4q6HABw9ix4pqGMn44yUpuNhtlpeT."
	secondBcrypt = "$2y$04$13DWJjbhjjusd8jCI17BXOH6gLcgYt8mDSNao.uo6WfLnbcG7Jm3e"
	firstApr1    = "$apr1$cb6aR6OR$edfU1ygYLuaUrYK8WyWti1"
	secondApr1   = "$apr1$rqf.STgi$Wscl4oUmAmdd7jxgabMUT."
	firstMD5     = "$1$VYCblugW$L8escnrp1Ed4kTReSAWV21"
	firstSHA256  = "$5$rounds=1000$gatehouse$lbFE5pY8pw97QJPVyyJTosMESHfQ1DEr1qf8B4MugM7"
	firstSHA512  = "$6$gatehouse$J0apGytWoNbSBdgz5r4aWDnf9aOKi2clKhF1Y89eNNYHR0jTjQMwGk3KrbkkBfzvWHUzY30FiFukwJlPeCLtK0"
	firstYes     = "$y$j75$gatehouse.house.gate$awShfg6mC/y.dPvf4.B2B.O1.uRtJ15pXPvOEWNYCb7"
	firstArgon   = "$argon2id$v=19$m=64,t=1,p=1$Z2F0ZWhvdXNlIGdhdGU$Kq3nOqYDNZ2xCJtgqTFXXrYmgY9+Bz8lh+XUwpx+LNc"
	firstSHA     = "{SHA}W8r/fyL/UzygmbNAjq2HbA67qac="
	firstSSHA    = "{SSHA}hN5uxFJUEWCPg56kk42tnVCdJ61zYWx0"
	firstPlain   = "{PLAIN}open sesame"
)

// A world is an Env whose log, metrics and clock a test can look at.
type world struct {
	Env
	log *journal
}

// newWorld logs at trace level and has a clock of its own that stands still.
func newWorld(t testing.TB) *world {
	t.Helper()
	j := &journal{}
	now := time.Now()
	transport := NewTransport(nil)
	t.Cleanup(transport.CloseIdleConnections)
	return &world{log: j, Env: Env{
		Forget: func(func(auth.User) bool) {},
		Name:   "here", Realm: "local", HTTP: transport, Log: zerolog.New(j).Level(zerolog.TraceLevel),
		Now: func() time.Time { return now }, Hashes: password.NewPool(4, 1000), Metrics: metrics.New("test"),
	}}
}

// metric returns the value of one line of /metrics, such as `gatehouse_file_bad{provider_name="here"}`.
func (w *world) metric(t testing.TB, series string) float64 {
	t.Helper()
	for line := range strings.Lines(w.metrics()) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no metric %s", series)
	return 0
}

func (w *world) metrics() string {
	r := httptest.NewRecorder()
	w.Metrics.Handler().ServeHTTP(r, httptest.NewRequest("GET", "/metrics", nil))
	return r.Body.String()
}

// A journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// shows reports whether text holds secret as it is or in one of the ways that URLs, logs and dumps write it.
func shows(text, secret string) bool {
	quoted := strconv.Quote(secret)
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), quoted[1 : len(quoted)-1],
		hex.EncodeToString([]byte(secret)),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="),
		strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(secret)), "="),
	} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

func basic(name, secret string) auth.Credential {
	return auth.Credential{Scheme: auth.Basic, Form: auth.Password, Username: name, Secret: auth.Secret(secret)}
}

func bearer(key string) auth.Credential {
	return auth.Credential{Scheme: auth.Bearer, Form: auth.Opaque, Secret: auth.Secret(key)}
}

// isDecision reports whether err says yes or no: nil, ErrDenied or ErrNotMine.
func isDecision(err error) bool {
	return err == nil || errors.Is(err, auth.ErrDenied) || errors.Is(err, auth.ErrNotMine)
}

// open opens a section that has to be good.
func open(t testing.TB, ctx context.Context, c Config, env Env) auth.Authenticator {
	t.Helper()
	a, err := c.Open(ctx, env)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// until polls for a thing of the outside world, 3 s at most.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 3 s", what)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// ecmwfAt is the preset for a service.
func ecmwfAt(uri string) *ECMWF {
	e := newECMWF()
	e.URI = uri
	return e
}
