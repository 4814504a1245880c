package password

import (
	"fmt"
	"strings"
	"testing"
)

func TestVerifyAcceptsThePasswordAlone(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			h := mustParse(t, s.hash)
			if !h.Verify(samplePassword) {
				t.Error("refuses the password")
			}
			for _, wrong := range append(nearMisses(samplePassword), "", "\x00", samplePassword+"\x00", samplePassword+"\x00x", s.hash) {
				if h.Verify(wrong) {
					t.Errorf("accepts %q", wrong)
				}
			}
		})
	}
}

// Hashes of many an x, and of nothing, made by crypt(3) and openssl.
const (
	bcrypt72     = "$2y$04$gatehousegatehousegateagJD83ZoHP.BlQmdN.k8tC44brcIbeC"
	sha1Of1024   = "{SHA}1aPJvX50bJi0rqDpGU+5VVs8Iq0="
	sha1Of1025   = "{SHA}3AhJ3JfS59X1dbGr3F+pbUmJFl8="
	bcryptOfNone = "$2b$04$gatehousegatehousegateK8jzS266bZicIfFq99Xish8Epeel4ZS"
	apr1OfNone   = "$apr1$gate$XlN.mfgV2Ix3IrwBtTSuK."
	sha256OfNone = "$5$rounds=1000$gate$g9vvbLTqLOM7efrMyBGk8fmfXPYEGA2Wflg5csDtm5."
	sha1OfNone   = "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk="
	sha1OfNUL    = "{SHA}W6k8nbDP+T9StSHXQg5D9u2ieE8="
)

func TestVerifyRefusesUnfitSecretsOfAnyFormat(t *testing.T) {
	long := strings.Repeat("x", MaxSecret)
	for _, c := range []struct {
		name, hash, secret string
		want               bool
	}{
		{"bcrypt at 72 bytes", bcrypt72, long[:72], true},
		{"bcrypt at 73 bytes", bcrypt72, long[:73], false},
		{"bcrypt with anything after 72 bytes", bcrypt72, long[:72] + "suffix", false},
		{"bcrypt at 1,024 bytes", bcrypt72, long, false},
		{"plain text at 1,024 bytes", "{PLAIN}" + long, long, true},
		{"plain text at 1,025 bytes", "{PLAIN}" + long, long + "x", false},
		{"sha1 at 1,024 bytes", sha1Of1024, long, true},
		{"sha1 at 1,025 bytes", sha1Of1025, long + "x", false},
		{"bcrypt of nothing", bcryptOfNone, "", false},
		{"apr1 of nothing", apr1OfNone, "", false},
		{"sha256-crypt of nothing", sha256OfNone, "", false},
		{"sha1 of nothing", sha1OfNone, "", false},
		{"sha1 of a NUL", sha1OfNUL, "\x00", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := mustParse(t, c.hash).Verify(c.secret); got != c.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

// What makes a secret unfit must not be told by time: any costs one hash of a secret of usual length.
func TestAnUnfitSecretCostsOneHash(t *testing.T) {
	var hashed []string
	yes := &format{name: "fake", longest: maxBcrypt, match: func(_, secret string) bool {
		hashed = append(hashed, secret)
		return true
	}}
	for _, c := range []struct {
		name, secret string
		length       int
		want         bool
	}{
		{"fit", strings.Repeat("x", 72), 72, true},
		{"empty", "", 0, false},
		{"with a NUL", "ab\x00cd", 5, false},
		{"too long by one", strings.Repeat("x", 73), 72, false},
		{"too long by far", strings.Repeat("x", 1<<20), 72, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			hashed = nil
			if got := (Hash{format: yes}).Verify(c.secret); got != c.want {
				t.Errorf("got %t", got)
			}
			if len(hashed) != 1 || len(hashed[0]) != c.length {
				t.Errorf("hashed %d times, %d bytes", len(hashed), len(strings.Join(hashed, "")))
			}
		})
	}
}

func TestADecoyCostsTheSameAndAcceptsNothing(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			h := mustParse(t, s.hash)
			decoy := h.Decoy()
			if decoy.Params() != h.Params() || isWeak(decoy) != isWeak(h) || len(decoy.text) != len(h.text) {
				t.Errorf("made %s of %s", decoy.Params(), h.Params())
			}
			if decoy.text == h.text || h.Decoy().text == decoy.text {
				t.Error("salt and digest are not random")
			}
			again := mustParse(t, decoy.text) // well formed, so that the library hashes in earnest
			for _, secret := range []string{samplePassword, "", "x", decoy.text[decoy.salt:]} {
				if decoy.Verify(secret) || secret == samplePassword && again.Verify(secret) {
					t.Errorf("accepts %q", secret)
				}
			}
		})
	}
}

func TestTheZeroHashMatchesNothing(t *testing.T) {
	var h Hash
	for _, secret := range []string{"", "x"} {
		if h.Verify(secret) || h.Decoy().Verify(secret) {
			t.Errorf("accepts %q", secret)
		}
	}
	if h.Params() != "no hash" || isWeak(h) {
		t.Errorf("is %s, weak %t", h.Params(), isWeak(h))
	}
}

func TestAHashPrintsAsItsParams(t *testing.T) {
	h := mustParse(t, samples[0].hash)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, h); got != "bcrypt cost 4" {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

func isWeak(h Hash) bool { return h.format != nil && h.format.weak }
