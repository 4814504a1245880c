package password

import (
	"os/exec"
	"strings"
	"testing"
)

// TestInterop reads what the tools that people use make of a password.
func TestInterop(t *testing.T) {
	const secret = "pâss wörd$1"
	for _, c := range []struct {
		name string
		line []string
		weak bool
	}{
		{"htpasswd bcrypt", []string{"htpasswd", "-nbB", "user", secret}, false},
		{"htpasswd apr1", []string{"htpasswd", "-nbm", "user", secret}, false},
		{"htpasswd SHA-256", []string{"htpasswd", "-nb2", "user", secret}, false},
		{"htpasswd SHA-512", []string{"htpasswd", "-nb5", "user", secret}, false},
		{"htpasswd SHA-1", []string{"htpasswd", "-nbs", "user", secret}, true},
		{"openssl apr1", []string{"openssl", "passwd", "-apr1", secret}, false},
		{"openssl SHA-256", []string{"openssl", "passwd", "-5", secret}, false},
		{"openssl SHA-512", []string{"openssl", "passwd", "-6", secret}, false},
		{"openssl MD5", []string{"openssl", "passwd", "-1", secret}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := exec.LookPath(c.line[0]); err != nil {
				t.Skipf("SKIPPED: %s is not installed, nothing was tried against it", c.line[0])
			}
			out, err := exec.Command(c.line[0], c.line[1:]...).Output()
			if err != nil {
				t.Fatal(err)
			}
			h, err := Parse(strings.TrimPrefix(strings.TrimSpace(string(out)), "user:"), c.weak)
			if err != nil {
				t.Fatal(err)
			}
			if !h.Verify(secret) {
				t.Error("refuses the password")
			}
			for _, wrong := range nearMisses(secret) {
				if h.Verify(wrong) {
					t.Errorf("accepts %q", wrong)
				}
			}
		})
	}
}
