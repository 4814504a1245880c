package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
)

// A Key signs tokens.
type Key struct {
	ID        string // kid: the thumbprint of its public half (RFC 7638)
	Algorithm string // EdDSA, ES256 or RS256: its kind has no other
	private   crypto.Signer
	public    publicJWK
}

// publicJWK is what may be told of a key, in the words of RFC 7517 and RFC 7518.
type publicJWK struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	Modulus   string `json:"n,omitempty"`
	Exponent  string `json:"e,omitempty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
}

// newKey returns the key of private, if it is one that gatehouse's own verifier would take.
func newKey(private crypto.Signer) (Key, error) {
	p, err := publicOf(private.Public())
	return Key{ID: p.ID, Algorithm: p.Algorithm, private: private, public: p}, err
}

func publicOf(key crypto.PublicKey) (publicJWK, error) {
	p := publicJWK{Use: "sig"}
	switch public := key.(type) {
	case ed25519.PublicKey:
		p.Algorithm, p.Type, p.Curve, p.X = "EdDSA", "OKP", "Ed25519", encode(public)
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return publicJWK{}, fmt.Errorf("is on the curve %s: want P-256", public.Params().Name)
		}
		point, err := public.Bytes()
		if err != nil {
			return publicJWK{}, errors.New("is no point of its curve")
		}
		p.Algorithm, p.Type, p.Curve, p.X, p.Y = "ES256", "EC", "P-256", encode(point[1:33]), encode(point[33:])
	case *rsa.PublicKey:
		if _, err := checkRSA(public.N, big.NewInt(int64(public.E))); err != nil {
			return publicJWK{}, err
		}
		p.Algorithm, p.Type, p.Modulus, p.Exponent = "RS256", "RSA", encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	default:
		return publicJWK{}, errors.New("is neither Ed25519 nor EC on P-256 nor RSA")
	}
	p.ID = p.thumbprint()
	return p, nil
}

// thumbprint is that of RFC 7638 with SHA-256, and for Ed25519 of RFC 8037, appendix A.3: over the members that
// make the key, in the order of their names.
func (p publicJWK) thumbprint() string {
	var text string
	switch p.Type {
	case "RSA":
		text = fmt.Sprintf(`{"e":%q,"kty":"RSA","n":%q}`, p.Exponent, p.Modulus)
	case "EC":
		text = fmt.Sprintf(`{"crv":%q,"kty":"EC","x":%q,"y":%q}`, p.Curve, p.X, p.Y)
	default:
		text = fmt.Sprintf(`{"crv":%q,"kty":%q,"x":%q}`, p.Curve, p.Type, p.X)
	}
	sum := sha256.Sum256([]byte(text))
	return encode(sum[:])
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
