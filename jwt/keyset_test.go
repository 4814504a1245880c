package jwt_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/jwt"
)

func TestSetsThatAreRefused(t *testing.T) {
	ed := jwk(idp()["ed"].Public(), map[string]any{"kid": "a"})
	p256 := jwk(idp()["p256"].Public(), map[string]any{"kid": "a"})
	oct := map[string]any{"kty": "oct", "k": b64url(make([]byte, 32)), "kid": "b"}
	many := make([]map[string]any, 101)
	for i := range many {
		many[i] = map[string]any{}
	}
	one := string(setText(ed))
	inner := one[len(`{"keys":[`) : len(one)-2]
	for name, row := range map[string]struct{ text, want string }{
		"nothing":                      {"", "key set: is not one JSON object in UTF-8"},
		"HTML":                         {"<html></html>", "key set: is not one JSON object in UTF-8"},
		"null":                         {"null", "key set: is not one JSON object in UTF-8"},
		"a list":                       {"[" + inner + "]", "key set: is not one JSON object in UTF-8"},
		"a key by itself":              {inner, "key set: has no list keys"},
		"an empty object":              {"{}", "key set: has no list keys"},
		"keys of null":                 {`{"keys":null}`, "key set: has no list keys"},
		"keys as an object":            {`{"keys":{"a":` + inner + `}}`, "key set: has no list keys"},
		"keys in another case":         {`{"Keys":[` + inner + `]}`, "key set: has no list keys"},
		"a key of null":                {`{"keys":[` + inner + `,null]}`, "key set: key 1: is no object"},
		"a second set behind":          {one + one, "key set: is not one JSON object in UTF-8"},
		"a trailing comma":             {`{"keys":[` + inner + `,]}`, "key set: is not one JSON object in UTF-8"},
		"a byte order mark":            {"\ufeff" + one, "key set: is not one JSON object in UTF-8"},
		"no UTF-8":                     {`{"keys":[],"a":"` + "\xff" + `"}`, "key set: is not one JSON object in UTF-8"},
		"keys twice":                   {`{"keys":[],"keys":[` + inner + `]}`, "key set: names one thing twice"},
		"a member of a key twice":      {`{"keys":[{"use":"enc",` + inner[1:len(inner)-1] + `,"use":"sig"}]}`, "key set: names one thing twice"},
		"a member twice, once escaped": {`{"keys":[{"\u0078":"",` + inner[1:] + `]}`, "key set: names one thing twice"},
		"nested too deep":              {`{"keys":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "key set: nests deeper than 32"},
		"two keys of one kid":          {string(setText(ed, p256)), "key set: key 1: has the kid of an earlier one"},
		"one key twice":                {string(setText(ed, ed)), "key set: key 1: has the kid of an earlier one"},
		"a secret":                     {string(setText(oct)), "key set: key 0: is symmetric: whoever can read it can sign"},
		"a public key and a secret":    {string(setText(ed, oct)), "key set: key 1: is symmetric: whoever can read it can sign"},
		"101 keys":                     {string(setText(many...)), "key set: has 101 keys, more than 100"},
		"too many bytes":               {one + strings.Repeat(" ", jwt.MaxKeySet+1-len(one)), "key set: has more than 262144 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			if set, err := jwt.ParseKeySet([]byte(row.text)); err == nil || err.Error() != row.want || set != nil {
				t.Errorf("got %v, want %s", err, row.want)
			}
		})
	}
}

func TestSetsThatAreTaken(t *testing.T) {
	ed := jwk(idp()["ed"].Public(), map[string]any{"kid": "a"})
	encryption := with(jwk(idp()["rsa"].Public(), map[string]any{"kid": "a"}), "use", "enc")
	hundred := make([]map[string]any, 100)
	for i := range hundred {
		hundred[i] = jwk(idp()["p256"].Public(), map[string]any{"kid": fmt.Sprint(i)})
	}
	one := string(setText(ed))
	for name, row := range map[string]struct {
		text         string
		keys, others int
	}{
		"no key: all were withdrawn":        {`{"keys":[]}`, 0, 0},
		"more than keys":                    {`{"next":[1,{"a":null}],` + one[1:], 1, 0},
		"as many bytes as may be":           {one + strings.Repeat(" ", jwt.MaxKeySet-len(one)), 1, 0},
		"as many keys as may be":            {string(setText(hundred...)), 100, 0},
		"a kid that a left-out key has too": {string(setText(ed, encryption)), 1, 1},
		"several keys without a kid":        {string(setText(jwk(idp()["ed"].Public(), nil), jwk(idp()["rsa"].Public(), nil))), 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := jwt.ParseKeySet([]byte(row.text))
			if err != nil || set.Len() != row.keys || len(set.LeftOut()) != row.others {
				t.Errorf("got %+v, %v", set, err)
			}
		})
	}
}

func TestWhichKeyIsAsked(t *testing.T) {
	rsaKey, p256, p384 := idp()["rsa"].Public(), idp()["p256"].Public(), idp()["p384"].Public()
	for name, row := range map[string]struct {
		keys        []map[string]any
		alg, header string
		check       string
	}{
		"no kid in the token and one key without (Globus)": {[]map[string]any{jwk(rsaKey, map[string]any{"alg": "RS512", "use": "sig"})}, "RS512", `{"typ":"JWT","alg":"RS512"}`, ""},
		"no kid in the token, the one key has one":         {[]map[string]any{jwk(rsaKey, map[string]any{"kid": "a"})}, "RS512", `{"alg":"RS512"}`, ""},
		"no kid, one key of several fits":                  {[]map[string]any{jwk(p384, nil), jwk(rsaKey, nil), jwk(p256, nil)}, "ES256", `{"alg":"ES256"}`, ""},
		"no kid, one alg of several fits":                  {[]map[string]any{jwk(rsaKey, map[string]any{"alg": "RS256"}), jwk(rsaKey, map[string]any{"alg": "RS512"})}, "RS512", `{"alg":"RS512"}`, ""},
		"no kid, several keys fit":                         {[]map[string]any{jwk(rsaKey, map[string]any{"kid": "a"}), jwk(rsaKey, nil)}, "RS512", `{"alg":"RS512"}`, "kid"},
		"no kid, no key fits":                              {[]map[string]any{jwk(p256, nil), jwk(p384, nil)}, "RS512", `{"alg":"RS512"}`, "unknown key"},
		"no kid, the key is for another algorithm":         {[]map[string]any{jwk(rsaKey, map[string]any{"alg": "RS256"})}, "RS512", `{"alg":"RS512"}`, "unknown key"},
		"no kid, the key is for encryption":                {[]map[string]any{jwk(rsaKey, map[string]any{"use": "enc"})}, "RS512", `{"alg":"RS512"}`, "unknown key"},
		"no keys":                                          {nil, "RS512", `{"alg":"RS512","kid":"a"}`, "unknown key"},
		"a kid that no key has":                            {[]map[string]any{jwk(rsaKey, map[string]any{"kid": "a"})}, "RS256", `{"alg":"RS256","kid":"b"}`, "unknown key"},
		"a kid in another case":                            {[]map[string]any{jwk(rsaKey, map[string]any{"kid": "a"})}, "RS256", `{"alg":"RS256","kid":"A"}`, "unknown key"},
		"a kid, and the one key has none":                  {[]map[string]any{jwk(rsaKey, nil)}, "RS256", `{"alg":"RS256","kid":"b"}`, "unknown key"},
		"a kid of a key for another algorithm":             {[]map[string]any{jwk(rsaKey, map[string]any{"kid": "a", "alg": "RS256"}), jwk(rsaKey, nil)}, "PS256", `{"alg":"PS256","kid":"a"}`, "alg"},
		"a kid of a key of another kind":                   {[]map[string]any{jwk(p256, map[string]any{"kid": "a"}), jwk(rsaKey, nil)}, "RS256", `{"alg":"RS256","kid":"a"}`, "alg"},
		"a kid of a key of another curve":                  {[]map[string]any{jwk(p256, map[string]any{"kid": "a"}), jwk(p384, nil)}, "ES384", `{"alg":"ES384","kid":"a"}`, "alg"},
		"a kid that others may have thought of":            {[]map[string]any{jwk(rsaKey, map[string]any{"kid": "../../dev/null"})}, "RS256", `{"alg":"RS256","kid":"../../dev/null"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := strict(t)
			c.Keys = parseSet(t, row.keys...)
			refused(t, verifier(t, c), mint(t, row.alg, row.header, claimsOf("")), second, row.check)
		})
	}
}
