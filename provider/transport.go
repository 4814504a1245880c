package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"
)

// NewTransport returns the shared way out. Providers call its RoundTrip and no [http.Client]: a client
// follows redirects, which would carry a key away in Referer, and its errors print the URL with the key
// in it. proxy is nil for none; the proxy variables of the environment are not read.
func NewTransport(proxy *url.URL) *http.Transport {
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 16 << 10,
	}
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
	}
	return t
}

// cause says in fixed words why a call failed: what the transport itself says may quote the server, and
// the server may quote the key.
func cause(err error) error {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		network   net.Error
		operation *net.OpError
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return errTimeout
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &dns):
		return errors.New("its host name cannot be resolved")
	case errors.As(err, &authority):
		return errors.New("its certificate is signed by an unknown authority")
	case errors.As(err, &host):
		return errors.New("its certificate is for another name")
	case errors.As(err, &invalid), errors.As(err, &verify):
		return errors.New("its certificate is not valid")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connection refused")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errors.New("connection reset")
	case errors.As(err, &operation) && operation.Op == "dial":
		return errors.New("it cannot be reached")
	}
	return errors.New("it broke off or does not speak HTTP")
}

// A reach watches a call come to a connection, its dial, a proxy's and TLS's part included. The zero reach is
// ready.
type reach struct{ wanting atomic.Bool }

// watch returns the context for the call. It sees a key that no header can hold fail before a connection is
// wanted, and it sees the last of several connections where net/http tries again.
func (r *reach) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { r.wanting.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { r.wanting.Store(false) },
	})
}

// silent is the error of a watched call that brought no status.
func (r *reach) silent(err error) *silence {
	return &silence{err: cause(err), unreached: r.wanting.Load() && !errors.Is(err, context.Canceled)}
}

// brokenOff is the error of an answer that did not come to its end: no answer if the time was over.
func brokenOff(err error) error {
	why := cause(err)
	if errors.Is(why, context.DeadlineExceeded) || errors.Is(why, context.Canceled) {
		return &silence{err: why}
	}
	return why
}

// errTimeout is a deadline that passed, in the words of every remote provider.
var errTimeout = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string { return "no answer in time" }
func (timeoutError) Unwrap() error { return context.DeadlineExceeded }
