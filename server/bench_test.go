package server

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
	"gatehouse/metrics"
	"gatehouse/role"
	"gatehouse/throttle"
)

// Credentials that a hot house knows.
var (
	password60 = "Basic " + base64.StdEncoding.EncodeToString([]byte("alice.liddell:through-the-looking-glass-1871"))
	key1200    = "Bearer " + strings.Repeat("k", 1200)

	certificate2600 = strings.Repeat("c", 2600) // as nginx escapes one with an RSA key
)

// hot returns the handler of a house that knows the credential of a request, and the request.
func hot(tb testing.TB, c *fasthttp.RequestCtx) (fasthttp.RequestHandler, *fasthttp.RequestCtx) {
	tb.Helper()
	return hotWith(tb, c, func(*House) {})
}

// hotWith is hot with a house that change has made another, once it knows the credential.
func hotWith(tb testing.TB, c *fasthttp.RequestCtx, change func(*House)) (fasthttp.RequestHandler, *fasthttp.RequestCtx) {
	tb.Helper()
	alice := auth.Func(func(context.Context, auth.Credential) (auth.User, error) { return auth.User{Name: "alice"}, nil })
	issuer, err := jwt.New(jwt.Config{Lifetime: jwt.Seconds(time.Hour)}, false, "0123456789abcdef0123456789abcdef", time.Now)
	if err != nil {
		tb.Fatal(err)
	}
	memory, err := gate.NewMemory()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(memory.Close)
	m := metrics.New("test")
	house := House{
		Log: zerolog.New(io.Discard).Level(zerolog.InfoLevel), Clients: Config{ClientIPHeader: "X-Real-IP"}.Clients(), Certificates: handedOver.Certificates(),
		Gate: gate.New(gate.Config{
			Sources: []gate.Source{
				{Authenticator: alice, Name: "a", Realm: "here", Scheme: auth.Basic, Forms: []auth.Form{auth.Password}, Cache: gate.UntilForgotten},
				{Authenticator: alice, Name: "b", Realm: "here", Scheme: auth.Bearer, Forms: []auth.Form{auth.Opaque}, Cache: gate.UntilForgotten},
				{Authenticator: alice, Name: "c", Realm: "here", Scheme: auth.TLS, Forms: []auth.Form{auth.Certificate}, Cache: gate.UntilForgotten},
			},
			Memory: memory, Throttle: throttle.New(throttle.Config{}), Roles: role.New(nil), Issuer: issuer, Timeout: 5 * time.Second, MaxHeader: 3000, Counts: m,
		}),
	}
	s, err := New("test", m, house)
	if err != nil {
		tb.Fatal(err)
	}
	handler := s.app.Server().Handler
	if handler(c); c.Response.StatusCode() != fiber.StatusOK {
		tb.Fatalf("status %d", c.Response.StatusCode())
	}
	change(&house)
	if err := s.Swap(house); err != nil {
		tb.Fatal(err)
	}
	return handler, c
}

// asking is a request as nginx sends it by the socket; handing is one with a certificate.
func asking(authorization string) *fasthttp.RequestCtx {
	c := new(fasthttp.RequestCtx)
	c.Init(new(fasthttp.Request), &net.UnixAddr{Name: "@", Net: "unix"}, nil)
	c.Request.Header.SetMethod(fiber.MethodGet)
	c.Request.SetRequestURI("/authenticate")
	c.Request.Header.Set("Authorization", authorization)
	c.Request.Header.Set("X-Real-IP", "192.0.2.7")
	return c
}

func handing(certificate string) *fasthttp.RequestCtx {
	c := asking("")
	c.Request.Header.Del("Authorization")
	c.Request.Header.Set(handedOver.VerifyHeader, "SUCCESS")
	c.Request.Header.Set(handedOver.CertHeader, certificate)
	return c
}

// A request of a known user allocates nothing on the whole way through the server, also if it is part of a
// trace.
func TestAHitAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	for _, c := range []*fasthttp.RequestCtx{asking(password60), asking(key1200), handing(certificate2600)} {
		handler, c := hot(t, c)
		c.Request.Header.Set("X-Request-ID", "0123456789abcdef0123456789abcdef")
		c.Request.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		if n := testing.AllocsPerRun(1000, func() { c.Response.Reset(); handler(c) }); n != 0 {
			t.Errorf("%v allocations, want none", n)
		}
	}
}

func BenchmarkHit(b *testing.B) { benchmarkHit(b, asking(password60)) }

func BenchmarkHitLong(b *testing.B) { benchmarkHit(b, asking(key1200)) }

func BenchmarkHitCertificate(b *testing.B) { benchmarkHit(b, handing(certificate2600)) }

func benchmarkHit(b *testing.B, c *fasthttp.RequestCtx) {
	handler, c := hot(b, c)
	b.ReportAllocs()
	for b.Loop() {
		c.Response.Reset()
		handler(c)
	}
}

// BenchmarkFloor is what BenchmarkHit is measured against: the same answer without a decision.
func BenchmarkFloor(b *testing.B) {
	_, c := hot(b, asking(password60))
	var names, values []string
	for name, value := range c.Response.Header.All() {
		names, values = append(names, string(name)), append(values, string(value))
	}
	body := string(c.Response.Body())
	app := fiber.New(fiber.Config{DisableDefaultContentType: true})
	app.All("/authenticate", func(c *fiber.Ctx) error {
		for i := range names {
			c.Set(names[i], values[i])
		}
		return c.SendString(body)
	})
	bare := app.Handler()
	b.ReportAllocs()
	for b.Loop() {
		c.Response.Reset()
		bare(c)
	}
}
