package password

import "testing"

// samplePassword is the password of every sample.
const samplePassword = "open sesame"

// samples were made for these tests by htpasswd, openssl, crypt(3) and libargon2.
var samples = []struct {
	name, hash, params string
	weak               bool
}{
	{"bcrypt 2y of htpasswd", "$2y$04$m05uaoGlnFBBG5RwjEcDh.BPByPM3fBZwb1yFyr741n2LONWCeIAy", "bcrypt cost 4", false},
	{"bcrypt 2b of crypt(3)", "$2b$04$gatehousegatehousegateiIbnwHX.gFxu4XdpYwce6jQnhq.DVFq", "bcrypt cost 4", false},
	{"bcrypt 2a of crypt(3)", "$2a$05$gatehousegatehousegatedc1JqBiPfCrdDQ5JiLRrPy5hNOgbdDq", "bcrypt cost 5", false},
	{"apr1 of htpasswd", "$apr1$TyUiFBr2$i4eDwtu9VDo2tzBCFI0LJ0", "apr1", false},
	{"apr1 of openssl", "$apr1$2Y1cbdKx$pxk2hvXd46VlmpgzRI5360", "apr1", false},
	{"sha256-crypt of openssl", "$5$qEYJZ8HD.y10vspE$A5VazDtwyOzQsb7h9Uh08gW1oLgVfKEi5Ncq.867Ze4", "sha256-crypt rounds 5000", false},
	{"sha256-crypt with rounds", "$5$rounds=1000$gatehouse$lbFE5pY8pw97QJPVyyJTosMESHfQ1DEr1qf8B4MugM7", "sha256-crypt rounds 1000", false},
	{"sha512-crypt of openssl", "$6$r2oeDzk5lBat8D8D$86hzM0o3iwP8VKNWYceqeHc8tL.Ucu/SP1WqDXHS7QBMS6lqyBIEWU707KiCbc9PgHu8xOOPfS.fNdZrltG./.", "sha512-crypt rounds 5000", false},
	{"sha512-crypt with rounds", "$6$rounds=1234$gatehousegateh$DqcRI4bwoNXLDfFhDD..pzWArj6aSRq/oFpugupwupfdHHP7R5gBiVZHRKcZ5tzJpCh9W.IgJQHGZzlsvv18Q0", "sha512-crypt rounds 1234", false},
	{"yescrypt", "$y$j75$gatehouse.house.gate$awShfg6mC/y.dPvf4.B2B.O1.uRtJ15pXPvOEWNYCb7", "yescrypt N=2^10 r=8", false},
	{"yescrypt of twice the memory", "$y$j85$.......$6l/HzBTU4PgJwm2AnfySyJMemMcu9qRUVxO6TiFyL48", "yescrypt N=2^11 r=8", false},
	{"argon2id", "$argon2id$v=19$m=64,t=1,p=1$Z2F0ZWhvdXNlIGdhdGU$Kq3nOqYDNZ2xCJtgqTFXXrYmgY9+Bz8lh+XUwpx+LNc", "argon2id m=64 t=1 p=1", false},
	{"argon2id of many lanes", "$argon2id$v=19$m=256,t=2,p=4$Z2F0ZWhvdXNlIGdhdGU$/qXKyzBlw2+rIDM4xr1SxTa07IaSULLIaxrJHceFB6s", "argon2id m=256 t=2 p=4", false},
	{"argon2id of odd memory", "$argon2id$v=19$m=300,t=3,p=2$Z2F0ZWhvdXNlIGdhdGU$/zZJpIXDke0vLxxgOKh29Os9ZjnRfJZ2nldkZV0LdFA", "argon2id m=300 t=3 p=2", false},
	{"md5-crypt of openssl", "$1$VYCblugW$L8escnrp1Ed4kTReSAWV21", "md5-crypt", true},
	{"{SHA} of htpasswd", "{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=", "unsalted sha1", true},
	{"{SSHA} with four bytes of salt", "{SSHA}hN5uxFJUEWCPg56kk42tnVCdJ61zYWx0", "salted sha1", true},
	{"{SSHA} with eight bytes of salt", "{SSHA}dLPSUP7fSfMoJWcdDiAKmdHJQ3lnYXRlaG91cw==", "salted sha1", true},
	{"{PLAIN}", "{PLAIN}open sesame", "plain text", true},
}

// mustParse parses a hash of any format.
func mustParse(t testing.TB, text string) Hash {
	t.Helper()
	h, err := Parse(text, true)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// nearMisses are passwords that differ from secret in one byte.
func nearMisses(secret string) []string {
	if secret == "" {
		return []string{"x", " "}
	}
	flipped := func(i int) string {
		b := []byte(secret)
		b[i] ^= 0x20
		return string(b)
	}
	last := len(secret) - 1
	return []string{secret[:last], secret + "x", flipped(0), flipped(last)}
}
