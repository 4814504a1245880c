package jwt

import (
	_ "crypto/sha256" // golang-jwt asks for hashes by number: they must be linked
	_ "crypto/sha512"

	josejwt "github.com/golang-jwt/jwt/v5"
)

// What a key is: RSA, the name of its curve, or a shared secret.
const (
	kindRSA    = "RSA"
	kindSecret = "secret"
)

// An algorithm belongs to one kind of key, so that no token can have a key used for what it is not.
type algorithm struct {
	kind      string
	method    josejwt.SigningMethod
	minSecret int // bytes: the size of the hash (RFC 7518, section 3.2)
}

// algorithms are all that can ever be allowed (RFC 7518, section 3.1, RFC 8037 and 9864); none is not here.
var algorithms = map[string]algorithm{
	"HS256": {kindSecret, josejwt.SigningMethodHS256, MinSecret},
	"HS384": {kindSecret, josejwt.SigningMethodHS384, 48},
	"HS512": {kindSecret, josejwt.SigningMethodHS512, 64},
	"RS256": {kindRSA, josejwt.SigningMethodRS256, 0},
	"RS384": {kindRSA, josejwt.SigningMethodRS384, 0},
	"RS512": {kindRSA, josejwt.SigningMethodRS512, 0},
	"PS256": {kindRSA, fixedSalt(josejwt.SigningMethodPS256), 0},
	"PS384": {kindRSA, fixedSalt(josejwt.SigningMethodPS384), 0},
	"PS512": {kindRSA, fixedSalt(josejwt.SigningMethodPS512), 0},
	"ES256": {"P-256", josejwt.SigningMethodES256, 0},
	"ES384": {"P-384", josejwt.SigningMethodES384, 0},
	"ES512": {"P-521", josejwt.SigningMethodES512, 0},
	"EdDSA": {"Ed25519", josejwt.SigningMethodEdDSA, 0},

	"Ed25519": {"Ed25519", josejwt.SigningMethodEdDSA, 0}, // RFC 9864's name for the same
}

// fixedSalt leaves out golang-jwt's VerifyOptions, which take a salt of any length: RFC 7518, section 3.5,
// wants that of the hash.
func fixedSalt(m *josejwt.SigningMethodRSAPSS) josejwt.SigningMethod {
	return &josejwt.SigningMethodRSAPSS{SigningMethodRSA: m.SigningMethodRSA, Options: m.Options}
}
