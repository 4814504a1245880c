package jwt_test

import (
	"bytes"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

func rsaJWK(n, e *big.Int) map[string]any {
	return map[string]any{"kty": "RSA", "n": b64url(n.Bytes()), "e": b64url(e.Bytes())}
}

// modulus is an odd number of so many bits that is none of the weak ones that are known by their looks.
func modulus(bits uint) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return n.Add(n, big.NewInt(1))
}

func with(key map[string]any, name string, value any) map[string]any {
	key[name] = value
	return key
}

func TestKeysThatAreUsed(t *testing.T) {
	e := big.NewInt(65537)
	rsaKey := func() map[string]any { return jwk(idp()["rsa"].Public(), nil) }
	for name, key := range map[string]map[string]any{
		"RSA":                           rsaKey(),
		"RSA of 8192 bits":              rsaJWK(modulus(8192), e),
		"RSA, the greatest exponent":    rsaJWK(modulus(2048), big.NewInt(1<<31-1)),
		"P-256":                         jwk(idp()["p256"].Public(), nil),
		"P-384":                         jwk(idp()["p384"].Public(), nil),
		"P-521":                         jwk(idp()["p521"].Public(), nil),
		"Ed25519":                       jwk(idp()["ed"].Public(), nil),
		"Ed25519 by RFC 9864's name":    jwk(idp()["ed"].Public(), map[string]any{"alg": "Ed25519"}),
		"for signatures":                with(rsaKey(), "use", "sig"),
		"for verifying and more":        with(rsaKey(), "key_ops", []string{"sign", "verify"}),
		"for one algorithm":             with(rsaKey(), "alg", "PS384"),
		"with members nobody knows":     with(rsaKey(), "exp", map[string]any{"d": 1}),
		"certificates that are no good": with(rsaKey(), "x5c", []any{7}),
	} {
		t.Run(name, func(t *testing.T) {
			if set := parseSet(t, key); set.Len() != 1 || set.LeftOut() != nil {
				t.Errorf("%d keys, left out: %v", set.Len(), set.LeftOut())
			}
		})
	}
}

func TestKeysThatAreLeftOut(t *testing.T) {
	e := big.NewInt(65537)
	n := modulus(2048)
	rsaKey := func() map[string]any { return rsaJWK(n, e) }
	p256 := func() map[string]any { return jwk(idp()["p256"].Public(), nil) }
	ed := func() map[string]any { return jwk(idp()["ed"].Public(), nil) }
	for name, row := range map[string]struct {
		key  map[string]any
		want string
	}{
		"for encryption":                    {with(rsaKey(), "use", "enc"), "use: is not sig"},
		"a use in another case":             {with(rsaKey(), "use", "SIG"), "use: is not sig"},
		"a use of null":                     {with(rsaKey(), "use", nil), "use: is no string, or an empty one"},
		"for wrapping keys":                 {with(rsaKey(), "key_ops", []string{"wrapKey"}), "key_ops: verify is not among them"},
		"for nothing":                       {with(rsaKey(), "key_ops", []string{}), "key_ops: is no list, or an empty one"},
		"key_ops as text":                   {with(rsaKey(), "key_ops", "verify"), "key_ops: is no list, or an empty one"},
		"key_ops with a number":             {with(rsaKey(), "key_ops", []any{"verify", 1}), "key_ops: element 1 is no string"},
		"verify in another case":            {with(rsaKey(), "key_ops", []string{"Verify"}), "key_ops: verify is not among them"},
		"for signatures, and not to verify": {with(with(rsaKey(), "use", "sig"), "key_ops", []string{"encrypt"}), "key_ops: verify is not among them"},
		"RSA with the algorithm of EC":      {with(rsaKey(), "alg", "ES256"), "alg: is none that such a key verifies"},
		"RSA with that of a secret":         {with(rsaKey(), "alg", "HS256"), "alg: is none that such a key verifies"},
		"P-256 with that of P-384":          {with(p256(), "alg", "ES384"), "alg: is none that such a key verifies"},
		"an algorithm for encryption":       {with(rsaKey(), "alg", "RSA-OAEP"), "alg: is none that such a key verifies"},
		"an algorithm that is none":         {with(rsaKey(), "alg", "none"), "alg: is none that such a key verifies"},
		"an algorithm in another case":      {with(rsaKey(), "alg", "rs256"), "alg: is none that such a key verifies"},
		"an algorithm that is a number":     {with(rsaKey(), "alg", 256), "alg: is no string, or an empty one"},
		"a kid that is a number":            {with(rsaKey(), "kid", 1), "kid: is no string, or an empty one"},
		"an empty kid":                      {with(rsaKey(), "kid", ""), "kid: is no string, or an empty one"},
		"no kty":                            {map[string]any{"n": b64url(n.Bytes()), "e": "AQAB"}, "kty, crv: are missing or none that gatehouse knows"},
		"a kty of null":                     {with(rsaKey(), "kty", nil), "kty: is no string, or an empty one"},
		"kty in another case":               {with(rsaKey(), "kty", "rsa"), "kty, crv: are missing or none that gatehouse knows"},
		"a kty of the future":               {with(rsaKey(), "kty", "AKP"), "kty, crv: are missing or none that gatehouse knows"},
		"X25519":                            {with(ed(), "crv", "X25519"), "kty, crv: are missing or none that gatehouse knows"},
		"secp256k1":                         {with(p256(), "crv", "secp256k1"), "kty, crv: are missing or none that gatehouse knows"},
		"EC without a curve":                {map[string]any{"kty": "EC", "x": "AQ", "y": "AQ"}, "kty, crv: are missing or none that gatehouse knows"},
		"Ed25519 as EC":                     {with(ed(), "kty", "EC"), "kty, crv: are missing or none that gatehouse knows"},
		"a curve of another type":           {with(p256(), "crv", []string{"P-256"}), "crv: is no string, or an empty one"},

		"2047 bits":                  {rsaJWK(modulus(2047), e), "n: has 2047 bits, not 2048 to 8192"},
		"8193 bits":                  {rsaJWK(modulus(8193), e), "n: has 8193 bits, not 2048 to 8192"},
		"an even modulus":            {rsaJWK(new(big.Int).Add(n, big.NewInt(1)), e), "n: is even"},
		"the mark of ROCA":           {rsaJWK(roca(0, 0), e), "n: has the mark of CVE-2017-15361 (ROCA): its factors can be found"},
		"exponent 1":                 {rsaJWK(n, big.NewInt(1)), "e: is even, less than 65537 or more than 31 bits"},
		"exponent 3":                 {rsaJWK(n, big.NewInt(3)), "e: is even, less than 65537 or more than 31 bits"},
		"exponent 65535":             {rsaJWK(n, big.NewInt(65535)), "e: is even, less than 65537 or more than 31 bits"},
		"an even exponent":           {rsaJWK(n, big.NewInt(65538)), "e: is even, less than 65537 or more than 31 bits"},
		"an exponent of 32 bits":     {rsaJWK(n, big.NewInt(1<<31+1)), "e: is even, less than 65537 or more than 31 bits"},
		"65537 above 64 bits":        {rsaJWK(n, new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 64), e)), "e: is even, less than 65537 or more than 31 bits"},
		"exponent 0":                 {with(rsaKey(), "e", "AA"), "e: has a leading zero byte"},
		"no exponent":                {map[string]any{"kty": "RSA", "n": b64url(n.Bytes())}, "e: is missing"},
		"no modulus":                 {map[string]any{"kty": "RSA", "e": "AQAB"}, "n: is missing"},
		"a modulus with a sign byte": {with(rsaKey(), "n", b64url(append([]byte{0}, n.Bytes()...))), "n: has a leading zero byte"},
		"an exponent as a number":    {with(rsaKey(), "e", 65537), "e: is no string, or an empty one"},
		"padded base64":              {with(rsaKey(), "e", "AQAB===="), "e: is not canonical base64url"},
		"base64 of the other kind":   {with(ed(), "x", strings.Repeat("+", 43)), "x: is not canonical base64url"},
		"a newline in base64":        {with(rsaKey(), "e", "AQ\nAB"), "e: is not canonical base64url"},
		"a stray bit in base64":      {with(ed(), "x", strings.Repeat("A", 42)+"B"), "x: is not canonical base64url"},

		"a point beside the curve":   {with(p256(), "x", b64url(bytes.Repeat([]byte{1}, 32))), "x, y: are no point of the curve"},
		"the point at infinity":      {map[string]any{"kty": "EC", "crv": "P-256", "x": strings.Repeat("A", 43), "y": strings.Repeat("A", 43)}, "x, y: are no point of the curve"},
		"P-256's point on P-384":     {with(p256(), "crv", "P-384"), "x: has 32 bytes, not the 48 of its curve"},
		"a coordinate with a zero":   {with(p256(), "y", b64url(make([]byte, 33))), "y: has 33 bytes, not the 32 of its curve"},
		"a coordinate that is short": {with(p256(), "x", b64url(make([]byte, 31))), "x: has 31 bytes, not the 32 of its curve"},
		"Ed25519, 31 bytes":          {with(ed(), "x", b64url(bytes.Repeat([]byte{9}, 31))), "x: has 31 bytes, not 32"},
		"Ed25519, nothing but zeros": {with(ed(), "x", b64url(make([]byte, 32))), "x: is a point of small order: all can sign for it"},
	} {
		t.Run(name, func(t *testing.T) {
			set := parseSet(t, row.key)
			if set.Len() != 0 || len(set.LeftOut()) != 1 || set.LeftOut()[0].Error() != "key 0: "+row.want {
				t.Errorf("%d keys, left out: %v, want %s", set.Len(), set.LeftOut(), row.want)
			}
		})
	}
	for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		for kid, key := range idp() {
			for _, value := range []any{"AQAB", nil, []any{}} {
				set := parseSet(t, with(jwk(key.Public(), nil), member, value))
				if set.Len() != 0 || !strings.Contains(fmt.Sprint(set.LeftOut()), member+": is a secret, and was published") {
					t.Errorf("%s with %s: %v: %d keys, left out: %v", kid, member, value, set.Len(), set.LeftOut())
				}
			}
		}
	}
}
