package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// A publicKey is one key of a set that may verify.
type publicKey struct {
	id   string // kid, "" if there is none
	kind string
	alg  string // its only algorithm, "" if it may be used for every one of its kind
	key  crypto.PublicKey
	mark string // see [Claims.Key]
}

func (k publicKey) fits(alg string) bool {
	return algorithms[alg].kind == k.kind && (k.alg == "" || k.alg == alg)
}

// secretMembers are those of private and symmetric keys (RFC 7518, sections 6.2.2, 6.3.2 and 6.4).
var secretMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// readKey reads a public key for verifying (RFC 7517, section 4). Its certificates (x5c, x5u, x5t) are
// not looked at.
func readKey(jwk map[string]any) (publicKey, error) {
	for _, name := range secretMembers {
		if _, ok := jwk[name]; ok {
			return publicKey{}, fmt.Errorf("%s: is a secret, and was published: all may sign with this key", name)
		}
	}
	id, err := member(jwk, "kid")
	if err != nil {
		return publicKey{}, fmt.Errorf("kid: %w", err)
	}
	if err := checkUse(jwk); err != nil {
		return publicKey{}, err
	}
	kind, key, err := material(jwk)
	if err != nil {
		return publicKey{}, err
	}
	k := publicKey{id: id, kind: kind, key: key}
	if k.alg, err = member(jwk, "alg"); err != nil {
		return publicKey{}, fmt.Errorf("alg: %w", err)
	}
	if k.alg != "" && algorithms[k.alg].kind != kind {
		return publicKey{}, errors.New("alg: is none that such a key verifies")
	}
	if k.mark, err = markOf(k); err != nil {
		return publicKey{}, err
	}
	return k, nil
}

// checkUse says why a key is not for verifying.
func checkUse(jwk map[string]any) error {
	switch use, err := member(jwk, "use"); {
	case err != nil:
		return fmt.Errorf("use: %w", err)
	case use != "" && use != "sig":
		return errors.New("use: is not sig")
	}
	ops, ok := jwk["key_ops"]
	if !ok {
		return nil
	}
	switch list, err := texts(ops); {
	case err != nil:
		return fmt.Errorf("key_ops: %w", err)
	case !slices.Contains(list, "verify"):
		return errors.New("key_ops: verify is not among them")
	}
	return nil
}

// material returns the key itself and its kind.
func material(jwk map[string]any) (kind string, key crypto.PublicKey, err error) {
	kty, err := member(jwk, "kty")
	if err != nil {
		return "", nil, fmt.Errorf("kty: %w", err)
	}
	curve, err := member(jwk, "crv")
	if err != nil {
		return "", nil, fmt.Errorf("crv: %w", err)
	}
	switch {
	case kty == "RSA":
		key, err = rsaKey(jwk)
		return kindRSA, key, err
	case kty == "EC" && curve == "P-256":
		key, err = ecKey(jwk, elliptic.P256())
	case kty == "EC" && curve == "P-384":
		key, err = ecKey(jwk, elliptic.P384())
	case kty == "EC" && curve == "P-521":
		key, err = ecKey(jwk, elliptic.P521())
	case kty == "OKP" && curve == "Ed25519":
		key, err = ed25519Key(jwk)
	default:
		return "", nil, errors.New("kty, crv: are missing or none that gatehouse knows")
	}
	return curve, key, err
}

// octets returns the bytes under name.
func octets(jwk map[string]any, name string) ([]byte, error) {
	text, err := member(jwk, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	b, err := decodeSegment(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(b) == 0 {
		return nil, fmt.Errorf("%s: is missing", name)
	}
	return b, nil
}

func ecKey(jwk map[string]any, curve elliptic.Curve) (*ecdsa.PublicKey, error) {
	size := (curve.Params().BitSize + 7) / 8
	point := []byte{4} // uncompressed (SEC 1, section 2.3.3)
	for _, name := range []string{"x", "y"} {
		b, err := octets(jwk, name)
		if err != nil {
			return nil, err
		}
		if len(b) != size {
			return nil, fmt.Errorf("%s: has %d bytes, not the %d of its curve", name, len(b), size)
		}
		point = append(point, b...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, errors.New("x, y: are no point of the curve")
	}
	return key, nil
}

func ed25519Key(jwk map[string]any) (ed25519.PublicKey, error) {
	b, err := octets(jwk, "x")
	switch {
	case err != nil:
		return nil, err
	case len(b) != ed25519.PublicKeySize:
		return nil, fmt.Errorf("x: has %d bytes, not %d", len(b), ed25519.PublicKeySize)
	case smallOrder(b):
		return nil, errors.New("x: is a point of small order: all can sign for it")
	}
	return ed25519.PublicKey(b), nil
}

// Bits of a modulus. RFC 7518, section 3.3, wants the least; the most bounds what one signature costs.
const (
	minRSA = 2048
	maxRSA = 8192
)

func rsaKey(jwk map[string]any) (*rsa.PublicKey, error) {
	n, err := integer(jwk, "n")
	if err != nil {
		return nil, err
	}
	e, err := integer(jwk, "e")
	if err != nil {
		return nil, err
	}
	return checkRSA(n, e)
}

// checkRSA returns the public key of n and e, if nobody is known to break such a one.
func checkRSA(n, e *big.Int) (*rsa.PublicKey, error) {
	switch {
	case n.BitLen() < minRSA || n.BitLen() > maxRSA:
		return nil, fmt.Errorf("n: has %d bits, not %d to %d", n.BitLen(), minRSA, maxRSA)
	case n.Bit(0) == 0:
		return nil, errors.New("n: is even")
	case isROCA(n):
		return nil, errors.New("n: has the mark of CVE-2017-15361 (ROCA): its factors can be found")
	case e.BitLen() > 31 || e.Int64() < 65537 || e.Bit(0) == 0:
		return nil, errors.New("e: is even, less than 65537 or more than 31 bits")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// integer returns the number under name, which is written without leading zero bytes (RFC 7518, section 2).
func integer(jwk map[string]any, name string) (*big.Int, error) {
	b, err := octets(jwk, name)
	if err != nil {
		return nil, err
	}
	if b[0] == 0 {
		return nil, fmt.Errorf("%s: has a leading zero byte", name)
	}
	return new(big.Int).SetBytes(b), nil
}
