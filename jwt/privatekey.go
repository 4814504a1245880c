package jwt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"gatehouse/strictjson"
)

// parsePrivate reads one private key: PEM of PKCS #8, PKCS #1 or SEC 1, or a JWK. No error quotes the text.
func parsePrivate(text []byte) (crypto.Signer, error) {
	if text = bytes.TrimSpace(text); bytes.HasPrefix(text, []byte("{")) {
		return parsePrivateJWK(text)
	}
	var found crypto.Signer
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "EC PARAMETERS" { // openssl writes them before a key, which names its curve itself
			continue
		}
		if found != nil {
			return nil, errors.New("holds more than one PEM block: want one private key")
		}
		var err error
		if found, err = parseBlock(block); err != nil {
			return nil, err
		}
	}
	if found == nil {
		return nil, errors.New("holds neither a PEM block nor a JWK")
	}
	return found, nil
}

func parseBlock(block *pem.Block) (crypto.Signer, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("is encrypted with a passphrase, which gatehouse cannot ask for")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, errors.New("holds a PEM block that is no private key")
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, errors.New("holds a private key that cannot be read, or that cannot sign")
	}
	return signer, nil
}

// parsePrivateJWK reads a JWK. Its kid is not looked at: every key of ours is named by its thumbprint.
func parsePrivateJWK(text []byte) (crypto.Signer, error) {
	jwk, err := strictjson.Object(text)
	if err != nil {
		return nil, err
	}
	if use, ok := jwk["use"]; ok && use != "sig" {
		return nil, errors.New("use: is not sig")
	}
	if ops, ok := jwk["key_ops"]; ok {
		if list, err := texts(ops); err != nil || !slices.Contains(list, "sign") {
			return nil, errors.New("key_ops: sign is not among them")
		}
	}
	kind, public, err := material(jwk)
	if err != nil {
		return nil, err
	}
	d, err := octets(jwk, "d")
	if err != nil {
		return nil, err
	}
	private, err := privateOf(jwk, public, d)
	if err != nil {
		return nil, err
	}
	if p, ok := private.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !p.Equal(public) {
		return nil, errors.New("d: is not the other half of the public key beside it")
	}
	if alg, ok := jwk["alg"].(string); ok && algorithms[alg].kind != kind {
		return nil, errors.New("alg: is none of such a key")
	}
	return private, nil
}

func privateOf(jwk map[string]any, public crypto.PublicKey, d []byte) (crypto.Signer, error) {
	switch public := public.(type) {
	case ed25519.PublicKey:
		if len(d) != ed25519.SeedSize {
			return nil, fmt.Errorf("d: has %d bytes, not %d", len(d), ed25519.SeedSize)
		}
		return ed25519.NewKeyFromSeed(d), nil
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return nil, fmt.Errorf("is on the curve %s: want P-256", public.Params().Name)
		}
		key, err := ecdsa.ParseRawPrivateKey(public.Curve, d)
		if err != nil {
			return nil, errors.New("d: is none of the curve")
		}
		return key, nil
	case *rsa.PublicKey:
		key := &rsa.PrivateKey{PublicKey: *public, D: new(big.Int).SetBytes(d)}
		for _, name := range []string{"p", "q"} {
			prime, err := integer(jwk, name)
			if err != nil {
				return nil, err
			}
			key.Primes = append(key.Primes, prime)
		}
		if err := key.Validate(); err != nil {
			return nil, errors.New("p, q, d: are not of one RSA key")
		}
		key.Precompute()
		return key, nil
	}
	return nil, errors.New("kty: is none that signs")
}
