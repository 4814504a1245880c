package provider

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
)

// MTLS takes the certificates of clients, which the proxy has verified. That the client has the certificate's key is
// the proxy's word. Who issued it and whether its time has come is checked here as well: a proxy may believe more
// authorities than this realm does.
type MTLS struct {
	CAFile   string `yaml:"ca_file" path:"true" doc:"The authorities (PEM) whose certificates are this realm's users. Its changes are followed."`
	Username string `yaml:"username" enum:"cn,dn,san_dns,san_email,san_uri" doc:"What of the certificate is the user's name: it must be there exactly once."`
	Roles    string `yaml:"roles" enum:"ou" doc:"What of the subject are the user's roles. Default: none."`
}

// Check reports what is wrong with the section.
func (m *MTLS) Check(r conf.Report) {
	if m.CAFile == "" {
		r.Fault("ca_file", "is missing: it says whose certificates are users of this realm")
	} else if _, err := readAuthorities(m.CAFile); err != nil {
		r.Fault("ca_file", "%v", err)
	}
	if m.Username == "" {
		r.Fault("username", "must say what of a certificate is the name: cn, dn, san_dns, san_email or san_uri")
	}
}

// Inspect reports the certificates that gatehouse would log and go on with, for a command that is asked to find them.
func (m *MTLS) Inspect(r conf.Report) {
	a, err := readAuthorities(m.CAFile)
	if err != nil {
		return // Check has said so
	}
	for _, err := range a.odd(time.Now()) {
		r.Warn("ca_file", "%v", err)
	}
}

// Open reads the authorities, and follows their changes until ctx ends.
func (m *MTLS) Open(ctx context.Context, env Env) (auth.Authenticator, error) {
	a := &mtls{MTLS: *m, env: env}
	w, err := newAuthoritiesFollower(a)
	if err != nil {
		return nil, err
	}
	go follow(ctx, env, w.folders(), w.step)
	return a, nil
}

// mtls answers from the newest good version of its file. No question waits for a disk.
type mtls struct {
	MTLS
	env     Env
	current atomic.Pointer[authorities]
}

// Authenticate reads the certificate. The log says at debug why one is denied.
func (m *mtls) Authenticate(ctx context.Context, c auth.Credential) (auth.User, error) {
	if c.Form != auth.Certificate {
		return auth.User{}, auth.ErrNotMine
	}
	if ctx.Err() != nil {
		return auth.User{}, cause(ctx.Err())
	}
	user, err := m.owner(string(c.Secret), m.current.Load())
	if err != nil {
		m.env.Log.Debug().Err(err).Msg("client certificate denied")
		return auth.User{}, fmt.Errorf("%w: %w", auth.ErrDenied, err)
	}
	return user, nil
}

// owner is whose certificate is handed over in text.
func (m *mtls) owner(text string, a *authorities) (auth.User, error) {
	cert, err := readCertificate(text)
	if err != nil {
		return auth.User{}, err
	}
	chains, err := cert.Verify(x509.VerifyOptions{
		Roots: a.pool, Intermediates: a.pool, CurrentTime: m.env.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return auth.User{}, fmt.Errorf("certificate %X: %w", cert.SerialNumber, err)
	}
	names, err := namesIn[m.Username](cert)
	if err == nil && len(names) != 1 {
		err = fmt.Errorf("has %d of %s, and exactly one can be the name", len(names), m.Username)
	}
	if err != nil {
		return auth.User{}, fmt.Errorf("certificate %X %w", cert.SerialNumber, err)
	}
	user := auth.User{Name: names[0], Until: cert.NotAfter, Record: voucher(chains[0])}
	if m.Roles != "" {
		user.Roles = cert.Subject.OrganizationalUnit
	}
	return user, nil
}

// voucher is a fingerprint of the certificate of the file that vouches for a chain's first one, its issuer's: whoever
// stands in the file is a root, so that the others of a chain do not matter.
func voucher(chain []*x509.Certificate) string {
	return fingerprint(chain[min(1, len(chain)-1)])
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return string(sum[:])
}

var errNoCertificate = errors.New("what the proxy hands over is not one certificate, as $ssl_client_escaped_cert has it or RFC 9440")
