package jwt

import (
	"slices"
	"strings"

	"gatehouse/strictjson"
)

// maxToken is the most bytes of a token that are looked at.
const maxToken = 16 << 10

// A TokenError says which check a token failed, and quotes nothing of it.
type TokenError struct {
	Check  string // form, header, alg, typ, kid, claims, signature, or the name of a claim
	Reason string
}

func (e *TokenError) Error() string { return "token: " + e.Check + ": " + e.Reason }

// A compact is a JWS in compact form (RFC 7515, section 7.1), taken apart.
type compact struct {
	alg, kid  string
	input     string // what is signed
	payload   []byte
	signature []byte
}

// takeApart reads everything of a token but its payload's content.
func (v *Verifier) takeApart(token string) (compact, error) {
	if len(token) > maxToken {
		return compact{}, &TokenError{"form", "has more than 16384 bytes"}
	}
	if strings.Count(token, ".") != 2 {
		return compact{}, &TokenError{"form", "has not three parts"}
	}
	input := token[:strings.LastIndexByte(token, '.')]
	header, payload, _ := strings.Cut(input, ".")
	var decoded [3][]byte
	for i, part := range []string{header, payload, token[len(input)+1:]} {
		var err error
		if decoded[i], err = decodeSegment(part); err != nil {
			return compact{}, &TokenError{"form", err.Error()}
		}
	}
	alg, kid, err := v.readHeader(decoded[0])
	return compact{alg: alg, kid: kid, input: input, payload: decoded[1], signature: decoded[2]}, err
}

// unsupported are header parameters that change what a token means: those of extensions (RFC 7515,
// section 4.1.11), of an unencoded payload (RFC 7797) and of encryption (RFC 7516). Those that bring or name
// a key (jwk, jku, x5c, x5u) change nothing: nobody reads them.
var unsupported = []string{"crit", "b64", "enc", "zip"}

func (v *Verifier) readHeader(text []byte) (alg, kid string, err error) {
	header, err := strictjson.Object(text)
	if err != nil {
		return "", "", &TokenError{"header", err.Error()}
	}
	for _, name := range unsupported {
		if _, ok := header[name]; ok {
			return "", "", &TokenError{"header", name + " is not supported"}
		}
	}
	if alg, err = member(header, "alg"); err != nil || !slices.Contains(v.algorithms, alg) {
		return "", "", &TokenError{"alg", "is missing or not allowed"}
	}
	if kid, err = member(header, "kid"); err != nil {
		return "", "", &TokenError{"kid", err.Error()}
	}
	typ, err := member(header, "typ")
	if err != nil || !slices.Contains(v.types, mediaType(typ)) {
		return "", "", &TokenError{"typ", "is not of a token that is taken"}
	}
	return alg, kid, nil
}

// mediaType returns typ as it is compared: any case, with or without application/ (RFC 7515, section 4.1.9).
func mediaType(typ string) string { return strings.TrimPrefix(strings.ToLower(typ), "application/") }
