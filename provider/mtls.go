package provider

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"gatehouse/auth"
	"gatehouse/conf"
)

// MTLS takes the certificates of clients, which the proxy has verified. That the client has the certificate's key is
// the proxy's word. Who issued it and whether its time has come is checked here as well: a proxy may believe more
// authorities than this realm does.
type MTLS struct {
	CAFile   string `yaml:"ca_file" path:"true" doc:"The authorities (PEM) whose certificates are this realm's users. It is read for each question."`
	Username string `yaml:"username" enum:"cn,dn,san_dns,san_email,san_uri" doc:"What of the certificate is the user's name: it must be there exactly once."`
	Roles    string `yaml:"roles" enum:"ou" doc:"What of the subject are the user's roles. Default: none."`
}

// Check reports what is wrong with the section.
func (m *MTLS) Check(r conf.Report) {
	if m.CAFile == "" {
		r.Fault("ca_file", "is missing: it says whose certificates are users of this realm")
	} else if _, err := m.authorities(); err != nil {
		r.Fault("ca_file", "%v", err)
	}
	if m.Username == "" {
		r.Fault("username", "must say what of a certificate is the name: cn, dn, san_dns, san_email or san_uri")
	}
}

// authorities reads who may have issued a certificate.
func (m *MTLS) authorities() (*x509.CertPool, error) {
	text, err := os.ReadFile(m.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", m.CAFile)
	}
	return pool, nil
}

// Open returns the provider.
func (m *MTLS) Open(_ context.Context, env Env) (auth.Authenticator, error) {
	return &mtls{m, env}, nil
}

type mtls struct {
	*MTLS
	env Env
}

// Authenticate reads the certificate. The log says at debug why one is denied.
func (m *mtls) Authenticate(ctx context.Context, c auth.Credential) (auth.User, error) {
	if c.Form != auth.Certificate {
		return auth.User{}, auth.ErrNotMine
	}
	if ctx.Err() != nil {
		return auth.User{}, cause(ctx.Err())
	}
	authorities, err := m.authorities()
	if err != nil {
		return auth.User{}, fmt.Errorf("ca_file: %w", err)
	}
	user, err := m.owner(string(c.Secret), authorities)
	if err != nil {
		m.env.Log.Debug().Err(err).Msg("client certificate denied")
		return auth.User{}, fmt.Errorf("%w: %w", auth.ErrDenied, err)
	}
	return user, nil
}

// owner is whose certificate is handed over in text.
func (m *mtls) owner(text string, authorities *x509.CertPool) (auth.User, error) {
	cert, err := readCertificate(text)
	if err != nil {
		return auth.User{}, err
	}
	if _, err := cert.Verify(x509.VerifyOptions{
		Roots: authorities, Intermediates: authorities, CurrentTime: m.env.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return auth.User{}, fmt.Errorf("certificate %X: %w", cert.SerialNumber, err)
	}
	names, err := namesIn[m.Username](cert)
	if err == nil && len(names) != 1 {
		err = fmt.Errorf("has %d of %s, and exactly one can be the name", len(names), m.Username)
	}
	if err != nil {
		return auth.User{}, fmt.Errorf("certificate %X %w", cert.SerialNumber, err)
	}
	user := auth.User{Name: names[0], Until: cert.NotAfter}
	if m.Roles != "" {
		user.Roles = cert.Subject.OrganizationalUnit
	}
	return user, nil
}

var errNoCertificate = errors.New("what the proxy hands over is not one certificate, as $ssl_client_escaped_cert has it or RFC 9440")
