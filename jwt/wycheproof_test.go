package jwt_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gatehouse/auth"
	"gatehouse/jwt"
)

type wycheproof struct {
	NumberOfTests int
	TestGroups    []struct {
		Public, Private json.RawMessage
		Tests           []struct {
			TcID    int
			Comment string
			JWS     any
			Result  string
		}
	}
}

func readWycheproof(t *testing.T, name string) wycheproof {
	t.Helper()
	folder := os.Getenv("GATEHOUSE_CORPORA")
	if folder == "" {
		t.Skip("GATEHOUSE_CORPORA is not set: Wycheproof's cases are not at hand")
	}
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	var w wycheproof
	if err := json.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// refusedOnPurpose are cases that Wycheproof calls valid.
var refusedOnPurpose = map[int]string{
	346: "the key's alg is PS256, the token's PS384",
	347: "the key's alg is ES521, which is none",
	350: "the key's alg is PS256, the token's PS384",
	351: "the key's alg is ES521, which is none",
	372: "the header has a character that is not base64url",
	373: "the payload has a character that is not base64url",
}

// mislabelled are cases that Wycheproof calls invalid, and that are byte for byte its valid case 357.
var mislabelled = []int{367, 370}

func TestWycheproofSignatures(t *testing.T) {
	w := readWycheproof(t, "json_web_signature_test.json")
	tried, accepted := 0, 0
	valid357 := ""
	for _, group := range w.TestGroups {
		v := wycheproofVerifier(t, group.Public, group.Private)
		for _, test := range group.Tests {
			tried++
			token, isText := test.JWS.(string)
			if test.TcID == 357 {
				valid357 = token
			}
			_, err := v.VerifyJWS(token)
			_, onPurpose := refusedOnPurpose[test.TcID]
			want := test.Result == "valid" && !onPurpose || slices.Contains(mislabelled, test.TcID) && token == valid357
			if got := err == nil; got != want || !isText {
				t.Errorf("case %d, %s (%s): %v", test.TcID, test.Comment, test.Result, err)
			}
			if err == nil {
				accepted++
			}
		}
	}
	if tried != 401 || w.NumberOfTests != 401 || accepted != 46-len(refusedOnPurpose)+len(mislabelled) {
		t.Errorf("tried %d cases of 401, accepted %d", tried, accepted)
	}
}

// wycheproofVerifier takes every algorithm of the kind of a group's key, or of its secret that alone which
// the secret names.
func wycheproofVerifier(t *testing.T, public, private json.RawMessage) *jwt.Verifier {
	t.Helper()
	if public == nil {
		v, err := secretVerifier(t, private)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	set, err := jwt.ParseKeySet([]byte(`{"keys":[` + string(public) + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return verifier(t, jwt.VerifierConfig{Keys: set, InsecureAnyIssuer: true, InsecureAnyAudience: true})
}

func secretVerifier(t *testing.T, text json.RawMessage) (*jwt.Verifier, error) {
	t.Helper()
	var key struct{ Alg, K string }
	if err := json.Unmarshal(text, &key); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(key.K)
	if err != nil {
		t.Fatal(err)
	}
	return jwt.NewVerifier(jwt.VerifierConfig{
		Secret: auth.Secret(raw), Algorithms: []string{key.Alg}, InsecureAnyIssuer: true, InsecureAnyAudience: true,
	})
}

// No set with a symmetric key is read. Its secrets alone can be configured, one at a time.
func TestWycheproofKeys(t *testing.T) {
	w := readWycheproof(t, "json_web_key_test.json")
	ambiguous := []int{1, 4} // refused for the set that the good secret stands in
	tried := 0
	for _, group := range w.TestGroups {
		text := group.Public
		if text == nil {
			text = group.Private
		}
		set, setErr := jwt.ParseKeySet(text)
		if (setErr != nil) != (group.Public == nil) {
			t.Errorf("the set of case %d: %v", group.Tests[0].TcID, setErr)
		}
		for _, test := range group.Tests {
			tried++
			if group.Public == nil {
				if slices.Contains(ambiguous, test.TcID) {
					continue
				}
				if got := takenByOneSecret(t, text, test.JWS.(string)); got != (test.Result == "valid") {
					t.Errorf("case %d, %s (%s)", test.TcID, test.Comment, test.Result)
				}
				continue
			}
			v := verifier(t, jwt.VerifierConfig{Keys: set, InsecureAnyIssuer: true, InsecureAnyAudience: true})
			if _, err := v.VerifyJWS(test.JWS.(string)); (err == nil) != (test.Result == "valid") {
				t.Errorf("case %d, %s (%s): %v, left out: %v", test.TcID, test.Comment, test.Result, err, set.LeftOut())
			}
		}
	}
	if tried != 26 || w.NumberOfTests != 26 {
		t.Errorf("tried %d cases of 26", tried)
	}
}

func takenByOneSecret(t *testing.T, set json.RawMessage, token string) bool {
	t.Helper()
	var list struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(set, &list); err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(list.Keys, func(key json.RawMessage) bool {
		v, err := secretVerifier(t, key)
		if err != nil {
			return false
		}
		_, err = v.VerifyJWS(token)
		return err == nil
	})
}
