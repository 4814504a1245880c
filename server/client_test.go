package server

import (
	"net"
	"net/netip"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

func tcp(address string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address)) }

func TestWhoseWordIsTakenForAnAddress(t *testing.T) {
	unix := &net.UnixAddr{Name: "@", Net: "unix"}
	networks := func(list ...string) []Network {
		all := make([]Network, len(list))
		for i, text := range list {
			if err := all[i].UnmarshalText([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	for name, row := range map[string]struct {
		proxies []Network
		header  string // "" is X-Real-IP
		peer    net.Addr
		told    []string
		want    string // "" is none
		text    string
	}{
		"the proxy at the socket is believed":           {nil, "", unix, []string{"192.0.2.7"}, "192.0.2.7", "192.0.2.7"},
		"an IPv4 address is one in whatever form":       {nil, "", unix, []string{"::ffff:192.0.2.7"}, "192.0.2.7", "192.0.2.7"},
		"an IPv6 address is one":                        {nil, "", unix, []string{"2001:db8::7"}, "2001:db8::7", "2001:db8::7"},
		"two headers are none":                          {nil, "", unix, []string{"192.0.2.7", "192.0.2.8"}, "", "unix"},
		"two addresses in one header are none":          {nil, "", unix, []string{"192.0.2.7, 192.0.2.8"}, "", "unix"},
		"an address with a port is none":                {nil, "", unix, []string{"192.0.2.7:80"}, "", "unix"},
		"an address with a zone is none":                {nil, "", unix, []string{"fe80::1%alice"}, "", "unix"},
		"a word is none":                                {nil, "", unix, []string{"unknown"}, "", "unix"},
		"no header is none":                             {nil, "", unix, nil, "", "unix"},
		"a peer by the port is nobody by itself":        {nil, "", tcp("192.0.2.1:9"), nil, "", "192.0.2.1"},
		"and is not believed":                           {nil, "", tcp("127.0.0.1:9"), []string{"192.0.2.7"}, "", "127.0.0.1"},
		"unless it is a named proxy":                    {networks("127.0.0.1"), "", tcp("127.0.0.1:9"), []string{"192.0.2.7"}, "192.0.2.7", "192.0.2.7"},
		"or in a named network":                         {networks("10.1.0.0/16"), "", tcp("10.1.2.3:9"), []string{"192.0.2.7"}, "192.0.2.7", "192.0.2.7"},
		"or is one as IPv6 writes it":                   {networks("10.1.0.0/16"), "", tcp("[::ffff:10.1.2.3]:9"), []string{"192.0.2.7"}, "192.0.2.7", "192.0.2.7"},
		"beside named proxies a peer is a client":       {networks("127.0.0.1"), "", tcp("192.0.2.1:9"), []string{"192.0.2.7"}, "192.0.2.1", "192.0.2.1"},
		"without proxies every peer is":                 {networks(), "", tcp("192.0.2.1:9"), []string{"192.0.2.7"}, "192.0.2.1", "192.0.2.1"},
		"a proxy that tells nothing is not its client":  {networks("127.0.0.1"), "", tcp("127.0.0.1:9"), nil, "", "127.0.0.1"},
		"the header may be another":                     {nil, "X-Client", unix, []string{"192.0.2.7"}, "192.0.2.7", "192.0.2.7"},
		"the socket's proxy is believed beside proxies": {networks("127.0.0.1"), "", unix, []string{"192.0.2.7"}, "192.0.2.7", "192.0.2.7"},
	} {
		t.Run(name, func(t *testing.T) {
			if row.header == "" {
				row.header = "X-Real-IP"
			}
			raw := new(fasthttp.RequestCtx)
			raw.Init(new(fasthttp.Request), row.peer, nil)
			for _, value := range row.told {
				raw.Request.Header.Add(row.header, value)
			}
			app := fiber.New()
			c := app.AcquireCtx(raw)
			defer app.ReleaseCtx(c)
			k := Config{ClientIPHeader: row.header, TrustedProxies: row.proxies}.Clients()
			got := ""
			ip, clear := k.of(c)
			if ip.IsValid() {
				got = ip.String()
			}
			if clear != (len(row.told) < 2) {
				t.Errorf("clear is %t", clear)
			}
			if text := k.text(c); got != row.want || text != row.text {
				t.Errorf("%q, and %q in the log, want %q and %q", got, text, row.want, row.text)
			}
		})
	}
}

func TestNetworks(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "192.0.2.0/24": "192.0.2.0/24", "::1": "::1/128", "::ffff:192.0.2.1": "192.0.2.1/32", "::ffff:10.0.0.0/104": "10.0.0.0/8", "::/0": "::/0",
		"2001:db8::/32": "2001:db8::/32", "192.0.2.1/24": "", "localhost": "", "192.0.2.1/33": "", "fe80::1%eth0": "", "": "",
	} {
		var n Network
		err := n.UnmarshalText([]byte(text))
		if got := netip.Prefix(n).String(); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: %s, %v, want %q", text, got, err, want)
		}
	}
}

func TestWhereNobodyTellsTheAddress(t *testing.T) {
	port := 1
	for name, row := range map[string]struct {
		config Config
		want   bool
	}{
		"a port, and nothing said of proxies": {Config{Port: &port}, true},
		"the default port":                    {Config{}, true},
		"a socket and a port":                 {Config{Socket: "s", Port: &port}, true},
		"a socket only":                       {Config{Socket: "s"}, false},
		"a port, and no proxies":              {Config{TrustedProxies: []Network{}}, false},
	} {
		if got := row.config.Blind(); got != row.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
