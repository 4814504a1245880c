package jwt

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Published is what anybody may know of an issuer's keys. All of it is zero where a secret signs: nothing of that
// can be told.
type Published struct {
	KeySet    []byte        // a JWK Set (RFC 7517, section 5)
	Discovery []byte        // says where the set is; nil where the issuer is no URL
	MaxAge    time.Duration // how long both may be remembered: a new key is there that much before it signs
}

// Where both are below the issuer's URL (OpenID Connect Discovery 1.0, section 4).
const (
	KeySetPath    = "/.well-known/jwks.json"
	DiscoveryPath = "/.well-known/openid-configuration"
)

// discovery is what Kubernetes tells of its own issuer, too: enough to verify tokens, and nothing of logging in.
type discovery struct {
	Issuer        string   `json:"issuer"`
	KeySet        string   `json:"jwks_uri"`
	ResponseTypes []string `json:"response_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
}

// longestMaxAge bounds how long a key lives on in caches after its file was taken away.
const longestMaxAge = 5 * time.Minute

// Published returns the key set and the document that leads to it.
func (i *Issuer) Published() (Published, error) {
	if len(i.phase.published) == 0 {
		return Published{}, nil
	}
	var set struct {
		Keys []publicJWK `json:"keys"`
	}
	var names []string
	for _, k := range i.phase.published {
		set.Keys = append(set.Keys, k.public)
		if !slices.Contains(names, k.Algorithm) {
			names = append(names, k.Algorithm)
		}
	}
	p := Published{MaxAge: min(i.config.PublishBefore/2, longestMaxAge)}
	var err error
	if p.KeySet, err = json.Marshal(set); err != nil {
		return Published{}, fmt.Errorf("jwt: key set: %w", err)
	}
	if i.config.issuerURL() == nil {
		return p, nil
	}
	p.Discovery, err = json.Marshal(discovery{
		Issuer: i.issuer, KeySet: strings.TrimSuffix(i.issuer, "/") + KeySetPath,
		ResponseTypes: []string{"id_token"}, SubjectTypes: []string{"public"}, Algorithms: names,
	})
	if err != nil {
		return Published{}, fmt.Errorf("jwt: discovery: %w", err)
	}
	return p, nil
}
