package password

import (
	"errors"
	"strings"
	"testing"
)

// What stands for salt and digest in the tables: letters that no error may show.
const (
	salt22   = "gatehousegatehousegate"
	digest31 = "iIbnwHX.gFxu4XdpYwce6jQnhq.DVFq"
	digest43 = "lbFE5pY8pw97QJPVyyJTosMESHfQ1DEr1qf8B4MugM7"
	digest86 = "DqcRI4bwoNXLDfFhDD..pzWArj6aSRq/oFpugupwupfdHHP7R5gBiVZHRKcZ5tzJpCh9W.IgJQHGZzlsvv18Q0"
	argon16  = "Z2F0ZWhvdXNlIGdhdGU"
	argon43  = "Kq3nOqYDNZ2xCJtgqTFXXrYmgY9+Bz8lh+XUwpx+LNc"
	md522    = "L8escnrp1Ed4kTReSAWV21"
)

func TestParseReadsFormatAndCost(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			h := mustParse(t, s.hash)
			if h.Params() != s.params || isWeak(h) != s.weak {
				t.Errorf("got %s, weak %t", h.Params(), isWeak(h))
			}
		})
	}
}

func TestParseReadsWhatIsWithinTheBounds(t *testing.T) {
	for _, c := range []struct{ name, hash, params string }{
		{"bcrypt of the highest cost", "$2b$14$" + salt22 + digest31, "bcrypt cost 14"},
		{"bcrypt with spare bits set in the salt", "$2b$04$" + salt22[:21] + "f" + digest31, "bcrypt cost 4"},
		{"sha-crypt of the most rounds", "$5$rounds=200000$abc$" + digest43, "sha256-crypt rounds 200000"},
		{"sha-crypt with its default spelt out", "$6$rounds=5000$abc$" + digest86, "sha512-crypt rounds 5000"},
		{"sha-crypt without a salt", "$5$$" + digest43, "sha256-crypt rounds 5000"},
		{"sha-crypt with a salt of punctuation", "$5$a-b_c$" + digest43, "sha256-crypt rounds 5000"},
		{"yescrypt of all memory", "$y$jBT$gatehouse.house.gate$" + digest43, "yescrypt N=2^14 r=32"},
		{"yescrypt without a salt", "$y$j75$$" + digest43, "yescrypt N=2^10 r=8"},
		{"argon2id at all its bounds", "$argon2id$v=19$m=65536,t=4,p=4$" + argon16 + "$" + argon43, "argon2id m=65536 t=4 p=4"},
		{"a plain password with a dollar", "{PLAIN}$2x$", "plain text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if h := mustParse(t, c.hash); h.Params() != c.params {
				t.Errorf("got %s", h.Params())
			}
		})
	}
}

// refused are read neither with nor without weak formats. The error says what is in want.
var refused = []struct{ name, hash, want string }{
	{"nothing", "", "no hash at all"},
	{"a plain password", "lbFE5pY8 pw97QJPV", "not a supported hash format"},
	{"a prefix alone", "$5$", "sha256-crypt: the digest"},
	{"a letter case that nginx does not know", "{sha}W8r/fyL/UzygmbNAjq2HbA67qac=", "not a supported"},
	{"white space in front", " $5$abc$" + digest43, "not a supported"},
	{"white space behind", "$5$abc$" + digest43 + " ", "sha256-crypt: the digest"},

	{"DES crypt", "ghwoOhDHuV/rg", "DES crypt is not supported"},
	{"extended DES crypt", "_J9..gate6e8rGyLZwsQ", "extended DES is not supported"},
	{"faulty bcrypt 2x", "$2x$04$" + salt22 + digest31, "variant 2x is not supported"},
	{"first bcrypt", "$2$04$" + salt22 + digest31, "first variant is not supported"},
	{"a bcrypt nobody made", "$2c$04$" + salt22 + digest31, "not a supported"},
	{"scrypt", "$7$66..../....gate$2b475aopPyma6279YWpRyRvRBjnxh1cnn.D9Ec0qUL5", "scrypt is not supported"},
	{"gost-yescrypt", "$gy$j75$gatehouse.house.gate$" + digest43, "gost-yescrypt is not supported"},
	{"sha1-crypt", "$sha1$12$gatehous$hCHVJ7.IIM/s.4bKinicGVzz3K9l", "sha1-crypt is not supported"},
	{"SunMD5", "$md5$gatehous$$n.M0MvzObKe9I7rQOJABc/", "SunMD5 is not supported"},
	{"NT hash", "$3$$eddcf896aaf1f0c3f83d4daa964f17bf", "NT hash is not supported"},
	{"argon2i", "$argon2i$v=19$m=64,t=1,p=1$" + argon16 + "$" + argon43, "argon2i is not supported"},
	{"plain text of go-crypt", "$plaintext$lbFE5pY8pw97QJPV", "plain text of go-crypt is not supported"},

	{"bcrypt too cheap", "$2b$03$" + salt22 + digest31, "cost 3 is not within 4 to 14"},
	{"bcrypt too dear", "$2b$15$" + salt22 + digest31, "cost 15 is not within 4 to 14"},
	{"bcrypt of the dearest cost", "$2b$31$" + salt22 + digest31, "cost 31 is not within 4 to 14"},
	{"bcrypt of a cost that is no number", "$2b$ab$" + salt22 + digest31, "cost is not two digits"},
	{"bcrypt with a negative cost", "$2b$-4$" + salt22 + digest31, "cost is not two digits"},
	{"bcrypt with a foreign letter", "$2b$04$" + salt22 + "+" + digest31[1:], "bcrypt: the digest"},
	{"bcrypt with a foreign letter in the salt", "$2b$04$+" + salt22[1:] + digest31, "bcrypt: the digest"},
	{"bcrypt with a spare bit set", "$2b$04$" + salt22 + digest31[:30] + "r", "bcrypt: the digest"},
	{"bcrypt that is one letter longer", "$2b$04$" + salt22 + digest31 + "q", "bcrypt: the digest"},

	{"sha-crypt of too few rounds", "$5$rounds=999$abc$" + digest43, "rounds 999 is not within"},
	{"sha-crypt of too many rounds", "$5$rounds=200001$abc$" + digest43, "rounds 200001 is not within"},
	{"sha-crypt of the most rounds there are", "$6$rounds=999999999$abc$" + digest86, "rounds 999999999 is not within"},
	{"sha-crypt of rounds beyond 32 bits", "$6$rounds=4294968296$abc$" + digest86, "not a plain number"},
	{"sha-crypt of rounds in words", "$5$rounds=abc$abc$" + digest43, "not a plain number"},
	{"sha-crypt of rounds in words without a salt", "$5$rounds=abc$" + digest43, "not a plain number"},
	{"sha-crypt with a leading zero", "$5$rounds=01000$abc$" + digest43, "not a plain number"},
	{"sha-crypt with a sign", "$5$rounds=+1000$abc$" + digest43, "not a plain number"},
	{"sha-crypt without rounds after the word", "$5$rounds=$abc$" + digest43, "not a plain number"},
	{"sha-crypt of a long salt", "$5$gatehousegatehous$" + digest43, "the salt is damaged"},
	{"sha-crypt with a colon in the salt", "$5$ga:te$" + digest43, "the salt is damaged"},
	{"sha-crypt with a control character in the salt", "$5$ga\x01te$" + digest43, "the salt is damaged"},
	{"sha-crypt with a digest of the other length", "$6$abc$" + digest43, "sha512-crypt: the digest"},
	{"sha-crypt with a spare bit set", "$5$abc$" + digest43[:42] + "z", "sha256-crypt: the digest"},
	{"sha-crypt with a part too many", "$5$abc$" + digest43[:21] + "$" + digest43[:21], "sha256-crypt: the digest"},

	{"yescrypt of too much memory", "$y$jCT$gatehouse.house.gate$" + digest43, "memory in KiB 131072 is not within"},
	{"yescrypt of too large N", "$y$jH.$gatehouse.house.gate$" + digest43, "log2 N 20 is not within"},
	{"yescrypt of too small N", "$y$j65$gatehouse.house.gate$" + digest43, "log2 N 9 is not within"},
	{"yescrypt of too large r", "$y$j7U$gatehouse.house.gate$" + digest43, "r 33 is not within"},
	{"yescrypt of an N that is no letter", "$y$j!5$gatehouse.house.gate$" + digest43, "log2 N 0 is not within"},
	{"yescrypt of another flavour", "$y$/75$gatehouse.house.gate$" + digest43, "not of the default flavour"},
	{"yescrypt with a ROM or more lanes", "$y$j75.8$gatehouse.house.gate$" + digest43, "not of the default flavour"},
	{"yescrypt with half a byte of salt", "$y$j75$gateh$" + digest43, "the salt is damaged"},
	{"yescrypt with a spare bit in the salt", "$y$j75$gz$" + digest43, "the salt is damaged"},
	{"yescrypt with a long salt", "$y$j75$" + strings.Repeat("gate", 22) + "$" + digest43, "the salt is damaged"},

	{"argon2id of too much memory", "$argon2id$v=19$m=65537,t=1,p=1$" + argon16 + "$" + argon43, "m 65537 is not within"},
	{"argon2id of less memory than lanes need", "$argon2id$v=19$m=31,t=1,p=4$" + argon16 + "$" + argon43, "m 31 is not within 32 to"},
	{"argon2id of too many passes", "$argon2id$v=19$m=64,t=5,p=1$" + argon16 + "$" + argon43, "t 5 is not within"},
	{"argon2id of no pass", "$argon2id$v=19$m=64,t=0,p=1$" + argon16 + "$" + argon43, "as plain numbers"},
	{"argon2id of too many lanes", "$argon2id$v=19$m=64,t=1,p=5$" + argon16 + "$" + argon43, "p 5 is not within"},
	{"argon2id of the old version", "$argon2id$v=16$m=64,t=1,p=1$" + argon16 + "$" + argon43, "version is not 19"},
	{"argon2id without a version", "$argon2id$m=64,t=1,p=1$" + argon16 + "$" + argon43, "version is not 19"},
	{"argon2id with a parameter too many", "$argon2id$v=19$m=64,t=1,p=1,keyid=1$" + argon16 + "$" + argon43, "as plain numbers"},
	{"argon2id with parameters in another order", "$argon2id$v=19$t=1,m=64,p=1$" + argon16 + "$" + argon43, "as plain numbers"},
	{"argon2id with a short salt", "$argon2id$v=19$m=64,t=1,p=1$" + argon16[:10] + "$" + argon43, "the salt is damaged"},
	{"argon2id with a short digest", "$argon2id$v=19$m=64,t=1,p=1$" + argon16 + "$" + argon43[:22], "argon2id: the digest"},
	{"argon2id with padding", "$argon2id$v=19$m=64,t=1,p=1$" + argon16 + "$" + argon43 + "=", "argon2id: the digest"},

	{"apr1 of a long salt", "$apr1$gatehouse$" + md522, "the salt is damaged"},
	{"apr1 with a spare bit set", "$apr1$gate$" + md522[:21] + "8", "apr1: the digest"},
	{"{SHA} without its padding", "{SHA}W8r/fyL/UzygmbNAjq2HbA67qac", "sha1"},
	{"{SHA} with a line break", "{SHA}W8r/fyL/UzygmbNAjq2\nHbA67qac", "sha1"},
	{"{SSHA} without a salt", "{SSHA}W8r/fyL/UzygmbNAjq2HbA67qac=", "salted sha1"},
	{"{SSHA256}", "{SSHA256}hN5uxFJUEWCPg56kk42tnVCdJ61zYWx0", "LDAP salted SHA-2"},
	{"an empty {PLAIN}", "{PLAIN}", "plain text"},
	{"a {PLAIN} that is too long", "{PLAIN}" + strings.Repeat("gate", MaxSecret/4) + "g", "plain text"},
	{"a {PLAIN} with a NUL", "{PLAIN}ga\x00te", "plain text"},
}

func TestParseRefuses(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.hash, true)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got error %v, want one with %q", err, c.want)
			}
			checkHides(t, err, c.hash)
			if _, err := Parse(c.hash, false); err == nil {
				t.Error("read without weak formats")
			}
		})
	}
}

// checkHides fails if err shows four bytes in a row of what follows the parameters of hash.
func checkHides(t *testing.T, err error, hash string) {
	t.Helper()
	for _, part := range []string{salt22, digest31, digest43, digest86, argon16, argon43, md522} {
		if strings.Contains(hash, part) {
			checkNoneOf(t, err, part)
		}
	}
	checkNoneOf(t, err, hash[min(strings.LastIndexAny(hash, "$}")+1, len(hash)):])
}

func checkNoneOf(t *testing.T, err error, part string) {
	t.Helper()
	for i := 0; i+4 <= len(part); i++ {
		if strings.Contains(err.Error(), part[i:i+4]) {
			t.Errorf("error %q shows %q", err, part[i:i+4])
		}
	}
}

func TestWeakFormatsAreReadOnlyIfAllowed(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			_, err := Parse(s.hash, false)
			if s.weak != errors.Is(err, ErrWeak) || s.weak != (err != nil) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A {PLAIN} password is whole at any length, and {SSHA} does not tell the length of its salt: of
// those, a prefix must not accept the password.
func TestACutHashIsNoHash(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			for n := range len(s.hash) {
				h, err := Parse(s.hash[:n], true)
				switch {
				case err != nil:
					checkHides(t, err, s.hash)
				case h.Params() != "plain text" && h.Params() != "salted sha1":
					t.Errorf("read the first %d bytes", n)
				case h.Verify(samplePassword):
					t.Errorf("the first %d bytes accept the password", n)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for _, s := range samples {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(s.hash, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
