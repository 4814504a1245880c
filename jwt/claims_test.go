package jwt_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/jwt"
)

func TestTimes(t *testing.T) {
	n := second.Unix()
	for name, row := range map[string]struct {
		claims string // after iss, aud
		leeway time.Duration
		check  string
	}{
		"exp alone":                           {fmt.Sprintf(`"exp":%d`, n+1), 0, ""},
		"no exp":                              {`"iat":1`, 0, "exp"},
		"EXP is not exp":                      {fmt.Sprintf(`"EXP":%d,"Exp":%d`, n+1, n+1), 0, "exp"},
		"exp is now":                          {fmt.Sprintf(`"exp":%d`, n), 0, "exp"},
		"exp is now, with a leeway":           {fmt.Sprintf(`"exp":%d`, n), time.Second, ""},
		"exp was as long ago as the leeway":   {fmt.Sprintf(`"exp":%d`, n-60), time.Minute, "exp"},
		"exp was a second less ago":           {fmt.Sprintf(`"exp":%d`, n-59), time.Minute, ""},
		"exp with a fraction":                 {fmt.Sprintf(`"exp":%d.5`, n+1), 0, ""},
		"exp is this second and a fraction":   {fmt.Sprintf(`"exp":%d.9`, n), 0, "exp"},
		"exp with an exponent":                {`"exp":1.800000001E9`, 0, ""},
		"exp of 0":                            {`"exp":0`, 0, "exp"},
		"exp of -1":                           {`"exp":-1`, 0, "exp"},
		"exp of 1e19":                         {`"exp":1e19`, 0, "exp"},
		"exp of 1e308":                        {`"exp":1e308`, 0, "exp"},
		"exp of 1e400":                        {`"exp":1e400`, 0, "exp"},
		"exp of 400 digits":                   {`"exp":` + strings.Repeat("9", 400), 0, "exp"},
		"exp at the end of the year 9999":     {`"exp":253402300799`, 0, ""},
		"exp a second later":                  {`"exp":253402300800`, 0, "exp"},
		"exp in milliseconds":                 {fmt.Sprintf(`"exp":%d000`, n+1), 0, "exp"},
		"exp of null":                         {`"exp":null`, 0, "exp"},
		"exp as text":                         {fmt.Sprintf(`"exp":"%d"`, n+1), 0, "exp"},
		"exp as a list":                       {fmt.Sprintf(`"exp":[%d]`, n+1), 0, "exp"},
		"exp as an object":                    {`"exp":{}`, 0, "exp"},
		"exp of true":                         {`"exp":true`, 0, "exp"},
		"nbf is now":                          {fmt.Sprintf(`"exp":%d,"nbf":%d`, n+9, n), 0, ""},
		"nbf in a second":                     {fmt.Sprintf(`"exp":%d,"nbf":%d`, n+9, n+1), 0, "nbf"},
		"nbf in less than a second":           {fmt.Sprintf(`"exp":%d,"nbf":%d.5`, n+9, n), 0, "nbf"},
		"nbf in 30 s":                         {fmt.Sprintf(`"exp":%d,"nbf":%d`, n+99, n+30), 0, "nbf"},
		"nbf in 30 s, with a leeway":          {fmt.Sprintf(`"exp":%d,"nbf":%d`, n+99, n+30), 30 * time.Second, ""},
		"nbf in 31 s, with a leeway of 30 s":  {fmt.Sprintf(`"exp":%d,"nbf":%d`, n+99, n+31), 30 * time.Second, "nbf"},
		"nbf of null":                         {fmt.Sprintf(`"exp":%d,"nbf":null`, n+9), 0, "nbf"},
		"nbf as text":                         {fmt.Sprintf(`"exp":%d,"nbf":"0"`, n+9), 0, "nbf"},
		"nbf of 1e400":                        {fmt.Sprintf(`"exp":%d,"nbf":1e400`, n+9), 0, "nbf"},
		"iat is now":                          {fmt.Sprintf(`"exp":%d,"iat":%d`, n+9, n), 0, ""},
		"iat in a second":                     {fmt.Sprintf(`"exp":%d,"iat":%d`, n+9, n+1), 0, "iat"},
		"iat in an hour":                      {fmt.Sprintf(`"exp":%d,"iat":%d`, n+9999, n+3600), time.Minute, "iat"},
		"iat in a minute, with a leeway":      {fmt.Sprintf(`"exp":%d,"iat":%d`, n+99, n+60), time.Minute, ""},
		"iat in 61 s, with a leeway of 60 s":  {fmt.Sprintf(`"exp":%d,"iat":%d`, n+99, n+61), time.Minute, "iat"},
		"iat of null":                         {fmt.Sprintf(`"exp":%d,"iat":null`, n+9), 0, "iat"},
		"iat as text":                         {fmt.Sprintf(`"exp":%d,"iat":"%d"`, n+9, n), 0, "iat"},
		"iat of -1":                           {fmt.Sprintf(`"exp":%d,"iat":-1`, n+9), 0, "iat"},
		"a lifetime of 30 years, if no limit": {fmt.Sprintf(`"exp":%d,"iat":%d`, n+946080000, n), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := strict(t)
			c.Leeway = row.leeway
			payload := `{"iss":"https://idp.example.org","aud":"gatehouse",` + row.claims + `}`
			refused(t, verifier(t, c), mint(t, "EdDSA", headerOf("EdDSA", ""), payload), second, row.check)
		})
	}
}

// A claim that is not there is no time at all, not even where the clock says year 1.
func TestAMissingExpIsNoTime(t *testing.T) {
	c := strict(t)
	c.Leeway = jwt.MaxLeeway
	token := mint(t, "EdDSA", headerOf("EdDSA", ""), `{"iss":"https://idp.example.org","aud":"gatehouse"}`)
	for _, now := range []time.Time{second, {}} {
		if _, err := verifier(t, c).Verify(token, now); err == nil || err.Error() != "token: exp: is missing" {
			t.Errorf("at %v: %v", now, err)
		}
	}
}

func TestALimitOfLifetimes(t *testing.T) {
	c := strict(t)
	c.MaxLifetime = time.Hour
	v := verifier(t, c)
	n := second.Unix()
	for claims, check := range map[string]string{
		fmt.Sprintf(`"exp":%d,"iat":%d`, n+3600, n):    "",
		fmt.Sprintf(`"exp":%d,"iat":%d`, n+3601, n):    "exp",
		fmt.Sprintf(`"exp":%d,"iat":%d`, n+1, n-3600):  "exp",
		fmt.Sprintf(`"exp":%d,"iat":0`, n+1):           "exp",
		fmt.Sprintf(`"exp":%d`, n+1):                   "iat",
		fmt.Sprintf(`"exp":%d,"iat":%d`, n-1, n-3000):  "exp",
		fmt.Sprintf(`"exp":%d,"iat":%d`, n+60, n+3600): "iat",
	} {
		payload := `{"iss":"https://idp.example.org","aud":"gatehouse",` + claims + `}`
		refused(t, v, mint(t, "EdDSA", headerOf("EdDSA", ""), payload), second, check)
	}
}

func TestClaims(t *testing.T) {
	const iss, aud, exp = `"iss":"https://idp.example.org"`, `"aud":"gatehouse"`, `"exp":1800000001`
	for payload, check := range map[string]string{
		`{` + iss + `,` + aud + `,` + exp + `}`:                                                                         "",
		"\t{\r\n" + iss + ` , ` + aud + `,` + exp + "} ":                                                                "",
		`{` + aud + `,` + exp + `}`:                                                                                     "iss",
		`{"iss":null,` + aud + `,` + exp + `}`:                                                                          "iss",
		`{"iss":"",` + aud + `,` + exp + `}`:                                                                            "iss",
		`{"iss":["https://idp.example.org"],` + aud + `,` + exp + `}`:                                                   "iss",
		`{"iss":"https://idp.example.org/",` + aud + `,` + exp + `}`:                                                    "iss",
		`{"iss":"https://IDP.example.org",` + aud + `,` + exp + `}`:                                                     "iss",
		`{"iss":"https://idp.example.org\u0000",` + aud + `,` + exp + `}`:                                               "iss",
		`{"Iss":"https://idp.example.org",` + aud + `,` + exp + `}`:                                                     "iss",
		`{"\u0069ss":"https:\/\/idp.example.org",` + aud + `,` + exp + `}`:                                              "",
		`{` + iss + `,` + exp + `}`:                                                                                     "aud",
		`{` + iss + `,"aud":"else",` + exp + `}`:                                                                        "aud",
		`{` + iss + `,"aud":"",` + exp + `}`:                                                                            "aud",
		`{` + iss + `,"aud":"gatehouse other",` + exp + `}`:                                                             "aud",
		`{` + iss + `,"aud":"Gatehouse",` + exp + `}`:                                                                   "aud",
		`{` + iss + `,"AUD":"gatehouse",` + exp + `}`:                                                                   "aud",
		`{` + iss + `,"aud":null,` + exp + `}`:                                                                          "aud",
		`{` + iss + `,"aud":{"gatehouse":1},` + exp + `}`:                                                               "aud",
		`{` + iss + `,"aud":[],` + exp + `}`:                                                                            "aud",
		`{` + iss + `,"aud":["x",null],` + exp + `}`:                                                                    "aud",
		`{` + iss + `,"aud":["gatehouse",null],` + exp + `}`:                                                            "aud",
		`{` + iss + `,"aud":["gatehouse",["x"]],` + exp + `}`:                                                           "aud",
		`{` + iss + `,"aud":[["gatehouse"]],` + exp + `}`:                                                               "aud",
		`{` + iss + `,"aud":["x","y"],` + exp + `}`:                                                                     "aud",
		`{` + iss + `,"aud":["x","other"],` + exp + `}`:                                                                 "",
		`{` + iss + `,` + aud + `,` + exp + `,"sub":"a\r\nb"}`:                                                          "",
		`{` + iss + `,` + aud + `,` + exp + `,"sub":""}`:                                                                "sub",
		`{` + iss + `,` + aud + `,` + exp + `,"sub":null}`:                                                              "sub",
		`{` + iss + `,` + aud + `,` + exp + `,"sub":1}`:                                                                 "sub",
		`{` + iss + `,` + aud + `,` + exp + `,"sub":["root"]}`:                                                          "sub",
		`{` + iss + `,` + aud + `,` + exp + `,"sub":{"root":1}}`:                                                        "sub",
		`{` + iss + `,` + aud + `,` + exp + `,"jti":7}`:                                                                 "jti",
		`{` + iss + `,` + aud + `,` + exp + `,` + exp + `}`:                                                             "claims",
		`{` + iss + `,` + aud + `,` + exp + `,"sub":"a","sub":"b"}`:                                                     "claims",
		`{` + iss + `,` + aud + `,` + exp + `,"sub":"a","s\u0075b":"b"}`:                                                "claims",
		`{` + iss + `,` + aud + `,` + exp + `,"x":{"a":1,"a":1}}`:                                                       "claims",
		`{` + iss + `,` + aud + `,` + exp + `,"x":[{"a":1,"a":1}]}`:                                                     "claims",
		`{` + iss + `,` + aud + `,` + exp + `,"x":{"a":1,"A":1}}`:                                                       "",
		`{` + iss + `,` + aud + `,` + exp + `,"x":"` + "\xff" + `"}`:                                                    "claims",
		`{` + iss + `,` + aud + `,` + exp + `,"x":NaN}`:                                                                 "claims",
		`{` + iss + `,` + aud + `,` + exp + `,"x":01}`:                                                                  "claims",
		`{` + iss + `,` + aud + `,` + exp + `,}`:                                                                        "claims",
		`{` + iss + `,` + aud + `,` + exp + `}{}`:                                                                       "claims",
		`{` + iss + `,` + aud + `,` + exp + `}` + "\x00":                                                                "claims",
		`{` + iss + `,` + aud + `,` + exp + `,"x":` + strings.Repeat("9", 400) + `}`:                                    "",
		`{` + iss + `,` + aud + `,` + exp + `,"x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`:           "",
		`{` + iss + `,` + aud + `,` + exp + `,"x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`:           "claims",
		`{` + iss + `,` + aud + `,` + exp + `,"x":` + strings.Repeat(`{"a":`, 32) + `1` + strings.Repeat("}", 32) + `}`: "claims",
		strings.Repeat("[", 5000) + strings.Repeat("]", 5000):                                                           "claims",
		`[{` + iss + `,` + aud + `,` + exp + `}]`:                                                                       "claims",
		`null`:   "claims",
		`"text"`: "claims",
		``:       "claims",
		mint(t, "EdDSA", headerOf("EdDSA", ""), claimsOf("")): "claims", // a JWS within a JWS
	} {
		t.Run(payload[:min(len(payload), 99)], func(t *testing.T) {
			refused(t, verifier(t, strict(t)), mint(t, "EdDSA", headerOf("EdDSA", ""), payload), second, check)
		})
	}
}

func TestInsecureFieldsWidenNothingElse(t *testing.T) {
	c := strict(t)
	c.Issuer, c.InsecureAnyIssuer = "", true
	anyIssuer := verifier(t, c)
	c = strict(t)
	c.Audiences, c.InsecureAnyAudience = nil, true
	anyAudience := verifier(t, c)
	for _, row := range []struct {
		v             *jwt.Verifier
		claims, check string
	}{
		{anyIssuer, `"aud":"other"`, ""},
		{anyIssuer, `"iss":"x","aud":"other"`, ""},
		{anyIssuer, `"iss":1,"aud":"other"`, "iss"},
		{anyIssuer, `"iss":"x"`, "aud"},
		{anyAudience, `"iss":"https://idp.example.org"`, ""},
		{anyAudience, `"iss":"https://idp.example.org","aud":["x","y"]`, ""},
		{anyAudience, `"iss":"https://idp.example.org","aud":[]`, "aud"},
		{anyAudience, `"iss":"https://idp.example.org","aud":["x",null]`, "aud"},
		{anyAudience, `"iss":"https://idp.example.org","aud":null`, "aud"},
		{anyAudience, `"iss":"x"`, "iss"},
	} {
		refused(t, row.v, mint(t, "EdDSA", headerOf("EdDSA", ""), `{`+row.claims+`,"exp":1800000001}`), second, row.check)
	}
}
