package auth_test

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/auth"
)

func TestCertify(t *testing.T) {
	for name, row := range map[string]struct {
		verify, certificate string
		want                error
	}{
		"a verified certificate":                    {"SUCCESS", "cert", nil},
		"a client without one":                      {"NONE", "", auth.ErrNone},
		"a proxy that says nothing":                 {"", "", auth.ErrNone},
		"a certificate that nobody speaks of":       {"", "cert", auth.ErrNone},
		"a certificate that was not asked for":      {"NONE", "cert", auth.ErrNone},
		"one that has expired":                      {"FAILED:certificate has expired", "cert", auth.ErrDenied},
		"a verification in other words":             {"success", "cert", auth.ErrDenied},
		"a verification and more":                   {"SUCCESS, NONE", "cert", auth.ErrDenied},
		"a verification with a beginning like that": {"SUCCESS:", "cert", auth.ErrDenied},
		"another word for none":                     {"none", "", auth.ErrDenied},
		"a verified nothing":                        {"SUCCESS", "", auth.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			var p auth.Presented
			if err := p.Parse("Bearer left-over"); err != nil {
				t.Fatal(err)
			}
			if err := p.Certify(row.verify, row.certificate); !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
			got := p.Credentials()
			want := auth.Credential{Scheme: auth.TLS, Form: auth.Certificate, Secret: "cert"}
			if row.want != nil && len(got) != 0 || row.want == nil && (len(got) != 1 || got[0] != want) {
				t.Errorf("got %d credentials", len(got))
			}
		})
	}
}

// What the log says of it is bounded.
func TestALongVerificationIsCut(t *testing.T) {
	var p auth.Presented
	if err := p.Certify("FAILED:"+strings.Repeat("x", 10_000), "cert"); len(err.Error()) > 300 {
		t.Errorf("%d bytes", len(err.Error()))
	}
}
