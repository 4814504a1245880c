package jwt_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

var rocaPrimes = []int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157}

// roca is an odd number of 2048 bits that is 65537^power modulo each prime of the fingerprint, and modulo
// but no power of 65537.
func roca(power, but int64) *big.Int {
	step := big.NewInt(2)
	for _, p := range rocaPrimes {
		if p != but {
			step.Mul(step, big.NewInt(p))
		}
	}
	n := new(big.Int).Lsh(big.NewInt(3), 2046)
	n.Sub(n, new(big.Int).Mod(n, step))
	n.Add(n, new(big.Int).Exp(big.NewInt(65537), big.NewInt(power), step))
	for but != 0 && isPower(new(big.Int).Mod(n, big.NewInt(but)).Int64(), but) {
		n.Add(n, step)
	}
	return n
}

func isPower(n, modulus int64) bool {
	for power, i := int64(1), int64(0); i < modulus; power, i = power*65537%modulus, i+1 {
		if power == n {
			return true
		}
	}
	return false
}

// The fingerprint is that of CVE-2017-15361 modulo every prime: one that differs tells of another generator.
func TestTheMarkOfROCA(t *testing.T) {
	for _, power := range []int64{0, 1, 7, 1 << 40} {
		if set := parseSet(t, rsaJWK(roca(power, 0), big.NewInt(65537))); set.Len() != 0 || !strings.Contains(fmt.Sprint(set.LeftOut()), "ROCA") {
			t.Errorf("65537^%d: left out: %v", power, set.LeftOut())
		}
	}
	for _, p := range rocaPrimes {
		if set := parseSet(t, rsaJWK(roca(7, p), big.NewInt(65537))); set.Len() != 1 {
			t.Errorf("no power modulo %d: left out: %v", p, set.LeftOut())
		}
	}
}

// A point of small order is left out because anybody finds a signature over it, as is shown here first.
func TestAPointOfSmallOrderIsAnybodysKey(t *testing.T) {
	points := []string{
		"00", "01", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ec" + strings.Repeat("ff", 30) + "7f", "ed" + strings.Repeat("ff", 30) + "7f", "ee" + strings.Repeat("ff", 30) + "7f",
	}
	var all [][]byte
	for _, text := range points {
		y, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		y = append(y, make([]byte, 32-len(y))...)
		negative := bytes.Clone(y)
		negative[31] |= 0x80
		all = append(all, y, negative)
	}
	for _, x := range all {
		if set := parseSet(t, map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64url(x)}); set.Len() != 0 {
			t.Errorf("%x is taken", x)
		}
		if !forgeable(x, all) {
			t.Errorf("%x: no signature was forged: is it a point of small order?", x)
		}
	}
}

func forgeable(x []byte, points [][]byte) bool {
	for i := range 200 {
		for _, r := range points {
			if ed25519.Verify(x, fmt.Append(nil, i), append(bytes.Clone(r), make([]byte, 32)...)) {
				return true
			}
		}
	}
	return false
}

// The fingerprint is that of no key as they are made.
func TestGoodKeysAreNotCalledWeak(t *testing.T) {
	for range 3 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		if set := parseSet(t, jwk(key.Public(), nil)); set.Len() != 1 {
			t.Error(set.LeftOut())
		}
	}
	for range 20 {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		curve, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if set := parseSet(t, jwk(public, nil), jwk(curve.Public(), nil)); set.Len() != 2 {
			t.Error(set.LeftOut())
		}
	}
}
