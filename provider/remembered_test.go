package provider

import (
	"testing"
	"time"
)

// A minute is auth-o-tron's, of API keys. What is local is remembered until it changes.
func TestHowLongAYesIsRemembered(t *testing.T) {
	for _, name := range []string{"http", "ecmwf-api", "efas-api", "introspection", "jwt", "openid-offline", "ecmwf-token-generator", "ldap"} {
		if got := (&Entry{Type: name}).Remembered(); got != time.Minute {
			t.Errorf("%s: for %s, want 1m", name, got)
		}
	}
	for _, name := range []string{"plain", "htpasswd"} {
		if got := (&Entry{Type: name}).Remembered(); got != untilForgotten {
			t.Errorf("%s: for %s, want no end", name, got)
		}
	}
}
