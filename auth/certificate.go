package auth

import "fmt"

// What a proxy says of a client's certificate, in the words of nginx ($ssl_client_verify) and Apache. All else, such as
// FAILED:certificate has expired, says that it could not be verified.
const (
	certificateVerified = "SUCCESS"
	certificateNone     = "NONE"
)

// Certify takes the place of Parse where a proxy that is believed speaks of the client's certificate: verify is what it
// says of the verification, certificate the certificate as it is handed over, which is for its provider to read.
// Certify returns [ErrNone] where there is none, [ErrMalformed] where it is missing, and [ErrDenied] for one that the
// proxy did not verify.
func (p *Presented) Certify(verify, certificate string) error {
	p.n = 0
	switch {
	case verify == "", verify == certificateNone:
		return ErrNone
	case verify != certificateVerified:
		return fmt.Errorf("%w: the proxy says %.100q of the client's certificate", ErrDenied, verify)
	case certificate == "":
		return fmt.Errorf("%w: the proxy verified a certificate, and did not hand it over", ErrMalformed)
	}
	p.list[0] = Credential{Scheme: TLS, Form: Certificate, Secret: Secret(certificate)}
	p.n = 1
	return nil
}
