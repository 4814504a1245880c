package ecflowrc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A target is a server as the client is told of it: --https or --http, --host and --port.
type target struct{ scheme, host, port string }

// String is what the client matches against: the port is always there, and the host as it was typed.
func (t target) String() string { return t.scheme + "://" + t.host + ":" + t.port }

// parseTarget reads scheme://host:port, or host:port for https. An https URL without a port means 443, an
// http one 80.
func parseTarget(server string) (target, error) {
	scheme, rest, given := strings.Cut(server, "://")
	if !given {
		scheme, rest = "https", server
	}
	t := target{scheme: strings.ToLower(scheme)}
	ports := map[string]string{"https": "443", "http": "80"}
	if ports[t.scheme] == "" {
		return target{}, errors.New("the server's scheme is neither https nor http")
	}
	rest = strings.TrimSuffix(rest, "/")
	colon := strings.LastIndexByte(rest, ':')
	if bracket := strings.LastIndexByte(rest, ']'); colon <= bracket {
		colon = -1
	}
	switch {
	case colon >= 0:
		t.host, t.port = rest[:colon], rest[colon+1:]
	case given:
		t.host, t.port = rest, ports[t.scheme]
	default:
		return target{}, errors.New("the server has no port: write host:port")
	}
	if t.host == "" || strings.ContainsAny(t.host, "/?#@ \t\r\n") {
		return target{}, errors.New("the server is not https://host:port")
	}
	if n, err := strconv.ParseUint(t.port, 10, 16); err != nil || n == 0 || t.port[0] == '0' {
		return target{}, fmt.Errorf("the server's port %q is not a number from 1 to 65535", t.port)
	}
	return t, nil
}

// suggestion is a server value that matches t alone, as it is written in the file.
func (t target) suggestion() string {
	return `"` + strings.ReplaceAll(quoteMeta(t.String()), `\`, `\\`) + `"`
}

// quoteMeta escapes what has a meaning in the client's regular expressions.
func quoteMeta(s string) string {
	var out strings.Builder
	for i := range len(s) {
		if strings.IndexByte(`^$\.*+?()[]{}|`, s[i]) >= 0 {
			out.WriteByte('\\')
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
