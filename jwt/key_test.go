package jwt_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	josejwt "github.com/golang-jwt/jwt/v5"

	"gatehouse/conf"
	"gatehouse/jwt"
)

// signers are the keys of idp that may sign for gatehouse, by their algorithm.
func signers() map[string]crypto.Signer {
	return map[string]crypto.Signer{"EdDSA": idp()["ed"], "ES256": idp()["p256"], "RS256": idp()["rsa"]}
}

// spellings are the files in which one key may stand.
func spellings(t testing.TB, key crypto.Signer) map[string][]byte {
	t.Helper()
	der := func(der []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	all := map[string][]byte{"PKCS #8": block("PRIVATE KEY", der(x509.MarshalPKCS8PrivateKey(key)))}
	members := map[string]any{"kid": "another", "use": "sig"}
	switch k := key.(type) {
	case ed25519.PrivateKey:
		members["d"] = b64url(k.Seed())
	case *ecdsa.PrivateKey:
		members["d"] = b64url(der(k.Bytes()))
		all["SEC 1"] = block("EC PRIVATE KEY", der(x509.MarshalECPrivateKey(k)))
		all["SEC 1 after its parameters"] = slices.Concat(block("EC PARAMETERS", []byte{6, 0}), all["SEC 1"])
	case *rsa.PrivateKey:
		members["d"], members["p"], members["q"] = b64url(k.D.Bytes()), b64url(k.Primes[0].Bytes()), b64url(k.Primes[1].Bytes())
		all["PKCS #1"] = block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k))
	}
	text, err := json.Marshal(jwk(key.Public(), members))
	all["JWK"] = der(text, err)
	return all
}

// keyFile writes a file that nobody else may read.
func keyFile(t testing.TB, path string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readKeys returns the section with its keys read, and what was said of them.
func readKeys(c *jwt.Config) (paths []string, faults []conf.Fault) {
	doc := conf.Parse("config.yaml", nil)
	paths = c.ReadKeys(doc.Report().At("jwt"))
	return paths, doc.Faults()
}

func keyed(t testing.TB, c jwt.Config, now func() time.Time) *jwt.Issuer {
	t.Helper()
	if _, faults := readKeys(&c); len(faults) > 0 {
		t.Fatal(faults)
	}
	issuer, err := jwt.NewKeyed(c, true, now)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

func published(t testing.TB, i *jwt.Issuer) jwt.Published {
	t.Helper()
	p, err := i.Published()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var keyedHour = jwt.Config{Issuer: "https://auth.example.org", Audience: "my-services", Lifetime: jwt.Seconds(time.Hour), PublishBefore: time.Hour}

// Of every kind of key, in every file: the token verifies by what is published and by golang-jwt.
func TestATokenOfEveryKindVerifies(t *testing.T) {
	for alg, key := range signers() {
		for spelling, text := range spellings(t, key) {
			t.Run(alg+", "+spelling, func(t *testing.T) {
				c := keyedHour
				c.Keys = []jwt.KeyFile{{File: keyFile(t, filepath.Join(t.TempDir(), "key"), text)}}
				i := keyed(t, c, at(second))
				token, set := issue(t, i, alice()), published(t, i).KeySet
				keys, err := jwt.ParseKeySet(set)
				if err != nil || keys.Len() != 1 {
					t.Fatalf("%s: %v, %v", set, err, keys.LeftOut())
				}
				v := verifier(t, jwt.VerifierConfig{Keys: keys, Algorithms: []string{alg}, Issuer: c.Issuer, Audiences: []string{c.Audience}})
				if claims, err := v.Verify(token, second); err != nil || claims.Subject != "ecmwf-alice" {
					t.Errorf("%+v, %v", claims, err)
				}
				parsed, err := josejwt.Parse(token, func(*josejwt.Token) (any, error) { return key.Public(), nil },
					josejwt.WithValidMethods([]string{alg}), josejwt.WithTimeFunc(at(second)))
				if err != nil || parsed.Header["kid"] != i.KeyID() || parsed.Header["kid"] == "another" {
					t.Errorf("golang-jwt: %v, kid %v", err, parsed.Header["kid"])
				}
			})
		}
	}
}

func TestThumbprints(t *testing.T) {
	for name, row := range map[string]struct{ jwk, want string }{
		"RFC 7638, section 3.1":  {`{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB"}`, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		"RFC 8037, appendix A.3": {`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		"RFC 9449, section 6.1":  {`{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}`, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
	} {
		set, err := jwt.ParseKeySet([]byte(`{"keys":[` + row.jwk + `]}`))
		if err != nil || set.Len() != 1 {
			t.Fatal(err, set.LeftOut())
		}
		if got, err := jwt.Thumbprint(set.Publics()[0]); err != nil || got != row.want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

// Nothing of a private key is in what is published, nor in a token.
func TestNothingPrivateIsPublished(t *testing.T) {
	c := keyedHour
	var private []string
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		key := signers()[alg]
		c.Keys = append(c.Keys, jwt.KeyFile{File: keyFile(t, filepath.Join(t.TempDir(), "key"), spellings(t, key)["PKCS #8"])})
		var numbers [][]byte
		switch k := key.(type) {
		case *rsa.PrivateKey:
			pre := k.Precomputed
			numbers = [][]byte{k.D.Bytes(), k.Primes[0].Bytes(), k.Primes[1].Bytes(), pre.Dp.Bytes(), pre.Dq.Bytes(), pre.Qinv.Bytes()}
		case *ecdsa.PrivateKey:
			d, err := k.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			numbers = [][]byte{d}
		case ed25519.PrivateKey:
			numbers = [][]byte{k.Seed(), k}
		}
		for _, n := range numbers {
			private = append(private, b64url(n))
		}
	}
	i := keyed(t, c, at(second))
	p := published(t, i)
	all := string(p.KeySet) + string(p.Discovery) + issue(t, i, alice())
	for _, text := range private {
		if strings.Contains(all, text) {
			t.Errorf("%s shows %s", all, text)
		}
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(p.KeySet, &set); err != nil || len(set.Keys) != 3 {
		t.Fatalf("%s: %v", p.KeySet, err)
	}
	for _, key := range set.Keys {
		for name := range key {
			if !slices.Contains([]string{"kty", "crv", "x", "y", "n", "e", "use", "alg", "kid"}, name) {
				t.Errorf("the member %s is published", name)
			}
		}
	}
	wantDiscovery(t, p.Discovery, map[string]any{
		"issuer": c.Issuer, "jwks_uri": c.Issuer + "/.well-known/jwks.json", "response_types_supported": []any{"id_token"},
		"subject_types_supported": []any{"public"}, "id_token_signing_alg_values_supported": []any{"RS256", "ES256", "EdDSA"},
	})
	if p := published(t, newIssuer(t, hour, true, secret, second)); p.KeySet != nil || p.Discovery != nil {
		t.Errorf("of a secret %s is published", p.KeySet)
	}
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	ed := spellings(t, idp()["ed"])["PKCS #8"]
	p384 := spellings(t, idp()["p384"])
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(idp()["ed"].Public())
	if err != nil {
		t.Fatal(err)
	}
	mixed := jwk(idp()["ed"].Public(), map[string]any{"d": b64url(bytes.Repeat([]byte{8}, 32))})
	rsaKey := idp()["rsa"].(*rsa.PrivateKey)
	other := new(big.Int).Add(rsaKey.D, big.NewInt(2))
	mixedRSA := jwk(rsaKey.Public(), map[string]any{"d": b64url(other.Bytes()), "p": b64url(rsaKey.Primes[0].Bytes()), "q": b64url(rsaKey.Primes[1].Bytes())})
	object := func(m map[string]any) []byte {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	edJWK := func(more string) []byte {
		return bytes.Replace(spellings(t, idp()["ed"])["JWK"], []byte(`"use":"sig"`), []byte(more), 1)
	}
	for name, row := range map[string]struct {
		text []byte
		mode fs.FileMode
		want string
	}{
		"its group may read it":      {ed, 0o640, "may be read by others (mode 0640)"},
		"all may read it":            {ed, 0o604, "may be read by others (mode 0604)"},
		"empty":                      {nil, 0o600, "holds neither a PEM block nor a JWK"},
		"a secret":                   {[]byte(secret), 0o600, "holds neither a PEM block nor a JWK"},
		"half of a key":              {ed[:len(ed)/2], 0o600, "holds neither a PEM block nor a JWK"},
		"broken inside":              {bytes.Replace(ed, []byte("MC4"), []byte("AAA"), 1), 0o600, "cannot be read"},
		"two keys":                   {slices.Concat(ed, ed), 0o600, "more than one PEM block"},
		"a public key":               {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600, "no private key"},
		"encrypted":                  {pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: public}), 0o600, "is encrypted"},
		"another curve":              {p384["PKCS #8"], 0o600, "P-384: want P-256"},
		"another curve, as a JWK":    {p384["JWK"], 0o600, "P-384: want P-256"},
		"a short modulus":            {spellings(t, weak)["PKCS #1"], 0o600, "has 1024 bits, not 2048 to 8192"},
		"a key that cannot sign":     {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: x25519(t)}), 0o600, "cannot sign"},
		"a public JWK":               {object(jwk(idp()["ed"].Public(), nil)), 0o600, "d: is missing"},
		"two halves of two keys":     {object(mixed), 0o600, "not the other half"},
		"a wrong d of RSA":           {object(mixedRSA), 0o600, "not of one RSA key"},
		"a JWK for encryption":       {edJWK(`"use":"enc"`), 0o600, "use: is not sig"},
		"a JWK to verify only":       {edJWK(`"key_ops":["verify"]`), 0o600, "sign is not among them"},
		"a JWK of another algorithm": {edJWK(`"alg":"ES256"`), 0o600, "alg: is none of such a key"},
		"a member twice":             {edJWK(`"kty":"OKP"`), 0o600, "names one thing twice"},
		"a symmetric JWK":            {[]byte(`{"kty":"oct","k":"AAAA"}`), 0o600, "none that gatehouse knows"},
		"too large":                  {append(bytes.Repeat([]byte("#"), 64<<10), ed...), 0o600, "more than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			path := keyFile(t, filepath.Join(t.TempDir(), "key"), row.text)
			if err := os.Chmod(path, row.mode); err != nil {
				t.Fatal(err)
			}
			c := keyedHour
			c.Keys = []jwt.KeyFile{{File: path}}
			paths, faults := readKeys(&c)
			if len(faults) != 1 || faults[0].Warning || faults[0].Path != "jwt.keys[0].file" || !strings.Contains(faults[0].Message, row.want) || !slices.Equal(paths, []string{path}) {
				t.Errorf("%v, want %s; followed: %q", faults, row.want, paths)
			}
			if i, err := jwt.NewKeyed(c, true, at(second)); err == nil {
				t.Errorf("%s signs", i.KeyID())
			}
		})
	}
}

// x25519 is a key for key agreement.
func x25519(t *testing.T) []byte {
	t.Helper()
	return slices.Concat([]byte{0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20}, bytes.Repeat([]byte{9}, 32))
}

// Where the file is another's, as in Kubernetes, gatehouse may read it by its group, and others still may not.
func TestAKeyOfAnotherOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := keyFile(t, filepath.Join(t.TempDir(), "key"), spellings(t, idp()["ed"])["PKCS #8"])
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[fs.FileMode]bool{0o600: true, 0o440: true, 0o640: true, 0o660: false, 0o644: false, 0o444: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		c := keyedHour
		c.Keys = []jwt.KeyFile{{File: path}}
		if _, faults := readKeys(&c); (len(faults) == 0) != want {
			t.Errorf("mode %04o: %v", mode, faults)
		}
	}
}

func TestAGeneratedKeyIsWrittenOnce(t *testing.T) {
	for _, kind := range jwt.KeyKinds() {
		t.Run(kind, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key.pem")
			key, err := jwt.Generate(kind)
			if err != nil || key.Kind() != kind {
				t.Fatal(key.Kind(), err)
			}
			if err := key.Write(path); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
			other, err := jwt.Generate(kind)
			if err != nil || other.ID == key.ID {
				t.Fatal("the same key again:", err)
			}
			if err := other.Write(path); err == nil {
				t.Error("a file is written over")
			}
			c := keyedHour
			c.Keys = []jwt.KeyFile{{File: path}}
			if got := keyed(t, c, at(second)).KeyID(); got != key.ID {
				t.Errorf("%s is read, %s was written", got, key.ID)
			}
			wantOnly(t, filepath.Dir(path), "key.pem")
		})
	}
}

// What openssl makes is read, and it verifies what that signs.
func TestOpenSSLMakesKeys(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("there is no openssl")
	}
	for name, row := range map[string]struct {
		alg  string
		args []string
	}{
		"Ed25519":           {"EdDSA", []string{"genpkey", "-algorithm", "ed25519"}},
		"EC":                {"ES256", []string{"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"}},
		"EC of ecparam":     {"ES256", []string{"ecparam", "-name", "prime256v1", "-genkey"}},
		"RSA":               {"RS256", []string{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}},
		"RSA, traditional":  {"RS256", []string{"genrsa", "-traditional", "2048"}},
		"RSA of 3,072 bits": {"RS256", []string{"genrsa", "3072"}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			run := func(args ...string) {
				t.Helper()
				if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
					t.Fatalf("openssl %s: %v\n%s", args, err, out)
				}
			}
			path, public := filepath.Join(folder, "key.pem"), filepath.Join(folder, "public.pem")
			run(slices.Insert(row.args, 1, "-out", path)...) // the bits come last
			run("pkey", "-in", path, "-pubout", "-out", public)
			c := keyedHour
			c.Keys = []jwt.KeyFile{{File: path}}
			token := issue(t, keyed(t, c, at(second)), alice())
			head, _, signature := parts(t, token)
			if !strings.Contains(head, row.alg) {
				t.Errorf("signed with %s, want %s", head, row.alg)
			}
			if row.alg != "RS256" { // openssl wants other signatures than JOSE of EC, and the raw text of Ed25519
				return
			}
			cut := strings.LastIndexByte(token, '.')
			run("dgst", "-sha256", "-verify", public, "-signature", keyFile(t, filepath.Join(folder, "signature"), []byte(signature)),
				keyFile(t, filepath.Join(folder, "text"), []byte(token[:cut])))
		})
	}
}

func wantDiscovery(t *testing.T, document []byte, want map[string]any) {
	t.Helper()
	var found map[string]any
	if err := json.Unmarshal(document, &found); err != nil || !reflect.DeepEqual(found, want) {
		t.Errorf("%s, %v; want %v", document, err, want)
	}
}
