package server

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"gatehouse/conf"
)

// handedOver names the headers of tests.
var handedOver = Config{VerifyHeader: "X-SSL-Client-Verify", CertHeader: "X-SSL-Client-Cert"}

// from has a request come from a peer.
func from(peer net.Addr, c *fasthttp.RequestCtx) *fasthttp.RequestCtx {
	moved := new(fasthttp.RequestCtx)
	moved.Init(&c.Request, peer, nil)
	return moved
}

// Each row is asked after the socket's proxy was let in by the same certificate, which is remembered.
func TestWhoMayHandACertificateOver(t *testing.T) {
	unix := &net.UnixAddr{Name: "@", Net: "unix"}
	proxy := []Network{Network(netip.MustParsePrefix("192.0.2.1/32"))}
	for name, row := range map[string]struct {
		peer   net.Addr
		config Config
		change func(*fasthttp.RequestHeader)
		want   int
	}{
		"the proxy at the socket":                    {peer: unix, want: 200},
		"a named proxy":                              {peer: tcp("192.0.2.1:9"), config: Config{TrustedProxies: proxy}, want: 200},
		"a peer beside a named proxy":                {peer: tcp("192.0.2.2:9"), config: Config{TrustedProxies: proxy}, want: 401},
		"a peer where there are no proxies":          {peer: tcp("127.0.0.1:9"), config: Config{TrustedProxies: []Network{}}, want: 401},
		"a peer where nothing is said of proxies":    {peer: tcp("127.0.0.1:9"), want: 401},
		"the socket's proxy, without a verification": {peer: unix, change: func(h *fasthttp.RequestHeader) { h.Del("X-SSL-Client-Verify") }, want: 401},
		"the socket's proxy, without a certificate":  {peer: unix, change: func(h *fasthttp.RequestHeader) { h.Del("X-SSL-Client-Cert") }, want: 401},
		"what it could not verify": {peer: unix, change: func(h *fasthttp.RequestHeader) {
			h.Set("X-SSL-Client-Verify", "FAILED:unable to verify the first certificate")
		}, want: 401},
		"a certificate that was not asked for": {peer: unix, change: func(h *fasthttp.RequestHeader) { h.Set("X-SSL-Client-Verify", "NONE") }, want: 401},
		"a client's own copy in another case":  {peer: unix, change: func(h *fasthttp.RequestHeader) { h.Add("x-ssl-client-VERIFY", "SUCCESS") }, want: 401},
		"a second certificate":                 {peer: unix, change: func(h *fasthttp.RequestHeader) { h.Add("X-SSL-Client-Cert", certificate2600) }, want: 401},
		"a wrong password beside it":           {peer: unix, change: func(h *fasthttp.RequestHeader) { h.Set("Authorization", "Basic !") }, want: 401},
		"an empty header beside it":            {peer: unix, change: func(h *fasthttp.RequestHeader) { h.Set("Authorization", "") }, want: 401},
	} {
		t.Run(name, func(t *testing.T) {
			row.config.ClientIPHeader = "X-Real-IP"
			handler, c := hotWith(t, handing(certificate2600), func(h *House) { h.Clients = row.config.Clients() })
			c = from(row.peer, c)
			if row.change != nil {
				row.change(&c.Request.Header)
			}
			if handler(c); c.Response.StatusCode() != row.want {
				t.Errorf("status %d, want %d", c.Response.StatusCode(), row.want)
			}
			// Nobody is left over for who comes next.
			next := from(row.peer, asking(""))
			next.Request.Header.Del("Authorization")
			if handler(next); next.Response.StatusCode() != 401 {
				t.Errorf("without a credential: status %d", next.Response.StatusCode())
			}
		})
	}
}

func TestAHouseThatWantsNoCertificatesReadsNone(t *testing.T) {
	handler, _ := hotWith(t, asking(password60), func(h *House) { h.Certificates = Certificates{} })
	c := handing(certificate2600)
	if handler(c); c.Response.StatusCode() != 401 {
		t.Errorf("status %d", c.Response.StatusCode())
	}
}

func TestInWhichHeadersACertificateIsHandedOver(t *testing.T) {
	for name, row := range map[string]struct {
		verify, cert string
		want         []string
	}{
		"nginx's":           {"X-SSL-Client-Verify", "X-SSL-Client-Cert", nil},
		"ingress-nginx's":   {"ssl-client-verify", "ssl-client-cert", nil},
		"none":              {"", "", []string{"client_verify_header", "client_cert_header"}},
		"no names":          {"X SSL", "X-SSL-Client-Cert:", []string{"client_verify_header", "client_cert_header"}},
		"one for both":      {"X-SSL", "x-ssl", []string{"client_cert_header"}},
		"the address's":     {"X-SSL", "x-real-ip", []string{"client_cert_header"}},
		"the credential's":  {"authorization", "X-SSL", []string{"client_verify_header"}},
		"what narrows":      {"X-SSL", "X-Auth-Realm", []string{"client_cert_header"}},
		"what browsers say": {"Cookie", "Host", []string{"client_verify_header", "client_cert_header"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := Config{MaxHeaderBytes: 4000, ClientIPHeader: "X-Real-IP", VerifyHeader: row.verify, CertHeader: row.cert}
			var keys []string
			for _, f := range conf.Collect(c.Check) {
				key, _, _ := strings.Cut(f.String(), ":")
				keys = append(keys, key)
			}
			if !slices.Equal(keys, row.want) {
				t.Errorf("faults %q, want %q", keys, row.want)
			}
		})
	}
}

func TestWhetherAnybodyIsTrusted(t *testing.T) {
	for name, row := range map[string]struct {
		config Config
		nobody bool
	}{
		"a port":                    {Config{}, true},
		"a port and no proxies":     {Config{TrustedProxies: []Network{}}, true},
		"a port and a proxy":        {Config{TrustedProxies: []Network{{}}}, false},
		"a socket":                  {Config{Socket: "s"}, false},
		"a socket, and no proxies":  {Config{Socket: "s", TrustedProxies: []Network{}}, false},
		"a socket beside its proxy": {Config{Socket: "s", TrustedProxies: []Network{{}}}, false},
	} {
		if got := row.config.TrustsNobody(); got != row.nobody {
			t.Errorf("%s: %t", name, got)
		}
	}
}
