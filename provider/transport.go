package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
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

// silent is the error of a call that brought no status.
func silent(err error) *silence {
	return &silence{err: cause(err), unreached: isUnreached(err)}
}

// brokenOff is the error of an answer that did not come to its end: no answer if the time was over.
func brokenOff(err error) error {
	why := cause(err)
	if errors.Is(why, context.DeadlineExceeded) || errors.Is(why, context.Canceled) {
		return &silence{err: why}
	}
	return why
}

// isUnreached reports whether a call without a status failed for want of a connection, TLS included, or of one
// that held. A key that no header can hold, and what is not HTTP, are something else.
func isUnreached(err error) bool {
	var (
		dns       *net.DNSError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		operation *net.OpError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &dns), errors.As(err, &verify), errors.As(err, &record):
		return true
	case errors.As(err, &operation) && slices.Contains(connecting, operation.Op):
		return true
	}
	return isReset(err)
}

// connecting are the operations of a [net.OpError] before there is a connection; the errors are those of TLS.
var connecting = []string{"dial", "proxyconnect", "remote error", "local error"}

func isReset(err error) bool {
	for _, e := range []error{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// errTimeout is a deadline that passed, in the words of every remote provider.
var errTimeout = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string { return "no answer in time" }
func (timeoutError) Unwrap() error { return context.DeadlineExceeded }
