package jwt

import (
	"strings"

	"gatehouse/strictjson"
)

// Claimed is what a token says of itself, which nobody has verified. It is good for leaving a service alone with a token
// that by its own words is for somebody else, and never for letting anybody in.
type Claimed struct {
	Type   string         // typ of the header, in lower case and without application/; "" if there is none
	Claims map[string]any // as in [Claims]
}

// Claim reads a token's header and claims. ok is false where that cannot be done strictly: of one that is encrypted, or
// none.
func Claim(token string) (c Claimed, ok bool) {
	parts := strings.Split(token, ".")
	if len(token) > maxToken || len(parts) != 3 {
		return Claimed{}, false
	}
	var objects [2]map[string]any
	for i := range objects {
		text, err := decodeSegment(parts[i])
		if err == nil {
			objects[i], err = strictjson.Object(text)
		}
		if err != nil {
			return Claimed{}, false
		}
	}
	typ, err := member(objects[0], "typ")
	return Claimed{mediaType(typ), objects[1]}, err == nil
}

// SaysIssuer reports whether a token says, signed or not, that it is the issuer's.
func SaysIssuer(token, issuer string) bool {
	said, ok := Claim(token)
	return ok && issuer != "" && said.Claims["iss"] == issuer
}
