package jwt_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func TestHeaders(t *testing.T) {
	v := verifier(t, strict(t))
	for header, check := range map[string]string{
		`{"alg":"EdDSA","kid":"ed"}`:                                         "",
		" {\n\"kid\" : \"ed\" ,\t\"alg\" : \"EdDSA\" }\r\n":                  "",
		`{"alg":"EdDSA","kid":"ed","x5t":"a","cty":"JWT","epk":{}}`:          "",
		`{"alg":"none","kid":"ed"}`:                                          "alg",
		`{"alg":"None","kid":"ed"}`:                                          "alg",
		`{"alg":"nOnE","kid":"ed"}`:                                          "alg",
		`{"alg":"","kid":"ed"}`:                                              "alg",
		`{"alg":"eddsa","kid":"ed"}`:                                         "alg",
		`{"alg":"EdDSA ","kid":"ed"}`:                                        "alg",
		`{"alg":["EdDSA"],"kid":"ed"}`:                                       "alg",
		`{"alg":null,"kid":"ed"}`:                                            "alg",
		`{"alg":0,"kid":"ed"}`:                                               "alg",
		`{"Alg":"EdDSA","kid":"ed"}`:                                         "alg",
		`{"kid":"ed"}`:                                                       "alg",
		`{}`:                                                                 "alg",
		`{"alg":"RSA-OAEP","kid":"rsa"}`:                                     "alg",
		`{"alg":"EdDSA","kid":"../../dev/null"}`:                             "unknown key",
		`{"alg":"EdDSA","kid":"' OR 1=1--"}`:                                 "unknown key",
		`{"alg":"EdDSA","kid":"\u0000"}`:                                     "unknown key",
		`{"alg":"EdDSA","kid":"ed\u0000"}`:                                   "unknown key",
		`{"alg":"EdDSA","kid":"` + strings.Repeat("k", 8<<10) + `"}`:         "unknown key",
		`{"alg":"EdDSA","kid":"` + strings.Repeat("k", 64<<10) + `"}`:        "form",
		`{"alg":"EdDSA","kid":1}`:                                            "kid",
		`{"alg":"EdDSA","kid":null}`:                                         "kid",
		`{"alg":"EdDSA","kid":""}`:                                           "kid",
		`{"alg":"EdDSA","kid":["ed"]}`:                                       "kid",
		`{"alg":"EdDSA","kid":"ed","crit":["x"]}`:                            "header",
		`{"alg":"EdDSA","kid":"ed","crit":["exp"],"exp":1}`:                  "header",
		`{"alg":"EdDSA","kid":"ed","crit":[]}`:                               "header",
		`{"alg":"EdDSA","kid":"ed","crit":null}`:                             "header",
		`{"alg":"EdDSA","kid":"ed","crit":["b64"],"b64":false}`:              "header",
		`{"alg":"EdDSA","kid":"ed","b64":false}`:                             "header",
		`{"alg":"EdDSA","kid":"ed","b64":true}`:                              "header",
		`{"alg":"EdDSA","kid":"ed","zip":"DEF"}`:                             "header",
		`{"alg":"EdDSA","kid":"ed","enc":"A128GCM"}`:                         "header",
		`{"alg":"EdDSA","alg":"EdDSA","kid":"ed"}`:                           "header",
		`{"alg":"none","kid":"ed","alg":"EdDSA"}`:                            "header",
		`{"alg":"EdDSA","kid":"ed","x":{"a":1,"a":1}}`:                       "header",
		`{"alg":"EdDSA","kid":"ed"}{}`:                                       "header",
		`{"alg":"EdDSA","kid":"ed"}` + "\x00":                                "header",
		`{"alg":"EdDSA","kid":"ed"`:                                          "header",
		"\ufeff" + `{"alg":"EdDSA","kid":"ed"}`:                              "header",
		`{"alg":"EdDSA","kid":"ed","x":"` + "\xc0\xaf" + `"}`:                "header",
		`{"alg":"EdDSA","kid":"ed","x":` + strings.Repeat("[", 5000) + `1}`:  "header",
		`{"alg":"EdDSA","x":` + nested(5000) + `}`:                           "header",
		`{"alg":"EdDSA","x":` + nested(10000) + `}`:                          "form",
		`{"alg":"EdDSA","kid":"ed","x":` + strings.Repeat("9", 400) + `}`:    "",
		`{"alg":"EdDSA","kid":"ed","x":1` + strings.Repeat("0", 400) + `e9}`: "",
		`["EdDSA"]`: "header",
		`null`:      "header",
		``:          "header",
	} {
		t.Run(header[:min(len(header), 60)], func(t *testing.T) {
			refused(t, v, sign(t, "EdDSA", idp()["ed"], header, claimsOf("")), second, check)
		})
	}
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func TestForms(t *testing.T) {
	v := verifier(t, strict(t))
	good := mint(t, "EdDSA", headerOf("EdDSA", ""), claimsOf(""))
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	last := signature[len(signature)-1]
	stray := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", last) ^ 1
	for name, row := range map[string]struct{ token, check string }{
		"as it was signed":             {good, ""},
		"nothing":                      {"", "form"},
		"dots alone":                   {"..", "header"},
		"no signature":                 {header + "." + payload, "form"},
		"an empty signature":           {header + "." + payload + ".", "signature"},
		"an empty header":              {"." + payload + "." + signature, "header"},
		"an empty payload":             {header + ".." + signature, "claims"},
		"four parts":                   {good + ".", "form"},
		"four parts, the first empty":  {"." + good, "form"},
		"five parts, as a JWE has":     {b64url(`{"alg":"dir","enc":"A128GCM"}`) + "..aXY.Y3Q.dGFn", "form"},
		"JSON serialization":           {`{"payload":"` + payload + `","protected":"` + header + `","signature":"` + signature + `"}`, "form"},
		"a space before":               {" " + good, "form"},
		"a newline behind":             {good + "\n", "form"},
		"CR LF in the signature":       {header + "." + payload + "." + signature[:9] + "\r\n" + signature[9:], "form"},
		"a newline in the header":      {header[:4] + "\n" + header[4:] + "." + rest, "form"},
		"four newlines in the payload": {header + "." + payload[:4] + "\n\n\n\n" + payload[4:] + "." + signature, "form"},
		"padding":                      {good + "=", "form"},
		"double padding":               {good + "==", "form"},
		"padding of the payload":       {header + "." + payload + "==." + signature, "form"},
		"a stray bit at the end":       {good[:len(good)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[stray]), "form"},
		"the other base64's letters":   {header + "." + payload + "." + strings.Repeat("+/", 43), "form"},
		"one character too many":       {good + "A", "signature"},
		"bytes behind the signature":   {good + "AAAA", "signature"},
		"a byte behind the signature":  {header + "." + payload + "." + b64url(append(decode(t, signature), 0)), "signature"},
		"a signature cut by a byte":    {header + "." + payload + "." + b64url(decode(t, signature)[:63]), "signature"},
		"a NUL":                        {good + "\x00", "form"},
		"no ASCII":                     {good + "é", "form"},
		"another header":               {b64url(headerOf("EdDSA", `,"x":1`)) + "." + rest, "signature"},
		"another payload":              {header + "." + b64url(claimsOf(`,"groups":["root"]`)) + "." + signature, "signature"},
		"payload and header swapped":   {payload + "." + header + "." + signature, "alg"},
		"more than 16 KiB":             {mint(t, "EdDSA", headerOf("EdDSA", ""), claimsOf(`,"x":"`+strings.Repeat("x", 12200)+`"`)), "form"},
		"nearly 16 KiB":                {mint(t, "EdDSA", headerOf("EdDSA", ""), claimsOf(`,"x":"`+strings.Repeat("x", 11900)+`"`)), ""},
	} {
		t.Run(name, func(t *testing.T) { refused(t, v, row.token, second, row.check) })
	}
}

// Before anything of it is decoded.
func TestPartsAreCounted(t *testing.T) {
	v := verifier(t, strict(t))
	for _, token := range []string{"", "e30", "e30.e30", "e30.e30.e30.", "e30....e30", strings.Repeat(".", 16<<10)} {
		if _, err := v.Verify(token, second); err == nil || err.Error() != "token: form: has not three parts" {
			t.Errorf("%.20q: %v", token, err)
		}
	}
}

func decode(t testing.TB, segment string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// CVE-2025-30204, and whatever else is long: size is looked at before anything.
func TestAMebibyteCostsNothing(t *testing.T) {
	v := verifier(t, strict(t))
	for _, text := range []string{".", "A", "e30.", "[", "\n", "="} {
		long := strings.Repeat(text, 1<<20/len(text))
		began := time.Now()
		for range 100 {
			if _, err := v.Verify(long, second); err == nil || err.Error() != "token: form: has more than 16384 bytes" {
				t.Fatalf("%q: %v", text, err)
			}
		}
		if took := time.Since(began) / 100; took > 5*time.Millisecond {
			t.Errorf("%q: %v", text, took)
		}
	}
}
