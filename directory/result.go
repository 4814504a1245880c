package directory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/go-ldap/ldap/v3"
)

// The errors of this package quote nothing that a directory says: it may quote what it was sent.
var (
	// ErrNobody says that no entry is found.
	ErrNobody = errors.New("nobody has that name")
	// ErrSeveral says that more than one entry is found, or more than can be read.
	ErrSeveral = errors.New("more than one entry has that name")
	// ErrBroken says that the connection ended before an answer, or that the answer cannot be read.
	ErrBroken = errors.New("it broke off or does not speak LDAP")
	// ErrSilent says that there was no answer in time.
	ErrSilent = fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
)

// Unreached says that there is no connection, or none that is to be trusted.
type Unreached struct{ err error }

func (u *Unreached) Error() string { return u.err.Error() }

// Unwrap returns why.
func (u *Unreached) Unwrap() error { return u.err }

// A Result is an answer that is not success (RFC 4511, appendix A).
type Result struct {
	Code uint16

	inactive bool   // 389 Directory Server says so of the account
	data     string // Active Directory's reason of a refused login, in hexadecimal; "" where none is told
}

func newResult(e *ldap.Error) *Result {
	r := &Result{Code: e.ResultCode, inactive: strings.Contains(strings.ToLower(e.Err.Error()), "account inactivated")}
	if _, after, ok := strings.Cut(e.Err.Error(), ", data "); ok {
		r.data, _, _ = strings.Cut(after, ",")
	}
	return r
}

func (r *Result) Error() string {
	return fmt.Sprintf("it answered with result %d (%s)", r.Code, strings.ToLower(ldap.LDAPResultCodeMap[r.Code]))
}

// undecided are reasons with which Active Directory refuses a login that it could not check: no logon server
// (51f), no domain (54b), or none that answers (6ba).
var undecided = []string{"51f", "54b", "6ba"}

// Denies reports whether the result of a user's login is a no: to the password, or to the user as their account
// is locked, expired or disabled, for which some directories have results of their own.
func (r *Result) Denies() bool {
	switch r.Code {
	case ldap.LDAPResultInvalidCredentials:
		return !slices.Contains(undecided, r.data)
	case ldap.LDAPResultNoSuchObject, // where a DN is made of the name
		ldap.LDAPResultInappropriateAuthentication, // an entry without a password
		ldap.LDAPResultConstraintViolation:         // 389 Directory Server: tried too often
		return true
	case ldap.LDAPResultUnwillingToPerform: // of a directory that takes no logins for now, too
		return r.inactive
	}
	return false
}

// Busy reports whether the directory wants to be asked later.
func (r *Result) Busy() bool { return r.Code == ldap.LDAPResultBusy }

// ended is why ctx ended, in our words; nil while it has not.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ErrSilent
	}
	return ctx.Err()
}

func broken(ctx context.Context) error {
	if err := ended(ctx); err != nil {
		return err
	}
	return ErrBroken
}

// unreached says in fixed words why there is no connection.
func unreached(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	return &Unreached{cause(ctx, err)}
}

func cause(ctx context.Context, err error) error {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		verify    *tls.CertificateVerificationError
		network   net.Error
	)
	switch {
	case ended(ctx) != nil, errors.As(err, &network) && network.Timeout():
		return ErrSilent
	case errors.As(err, &dns):
		return errors.New("its host name cannot be resolved")
	case errors.As(err, &authority):
		return errors.New("its certificate is signed by an unknown authority")
	case errors.As(err, &host):
		return errors.New("its certificate is for another name")
	case errors.As(err, &verify):
		return errors.New("its certificate is not valid")
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return errors.New("connection refused")
	}
	return errors.New("it cannot be reached, or does not speak TLS")
}
