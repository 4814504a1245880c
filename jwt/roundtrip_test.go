package jwt_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/jwt"
)

func ownVerifier(t *testing.T, change func(*jwt.VerifierConfig)) *jwt.Verifier {
	t.Helper()
	c := jwt.VerifierConfig{Secret: secret, Issuer: hour.Issuer, Audiences: []string{hour.Audience}}
	change(&c)
	return verifier(t, c)
}

func TestWhatIsIssuedVerifies(t *testing.T) {
	v := ownVerifier(t, func(*jwt.VerifierConfig) {})
	for name, u := range map[string]auth.User{
		"a user with everything": alice(),
		"a user with nothing":    {},
		"other alphabets":        {Realm: "é", Name: "\u0000<&>\u2028日本", Roles: []string{"\"\\", "😀"}},
		"no UTF-8 at all":        {Realm: "r", Name: "\xff\xfe"},
	} {
		t.Run(name, func(t *testing.T) {
			token := issue(t, newIssuer(t, hour, true, secret, second), u)
			claims, err := v.Verify(token, second)
			if err != nil {
				t.Fatal(err)
			}
			_, payload, _ := parts(t, token)
			var want struct{ Sub, Username string }
			if err := json.Unmarshal([]byte(payload), &want); err != nil {
				t.Fatal(err)
			}
			if claims.Subject != want.Sub || claims.All["username"] != want.Username || claims.Issuer != hour.Issuer || !claims.Expires.Equal(second.Add(time.Hour)) {
				t.Errorf("got %+v", claims)
			}
		})
	}
	wrong := issue(t, newIssuer(t, hour, true, secret[1:]+"x", second), alice())
	refused(t, v, wrong, second, "signature")
	refused(t, v, issue(t, newIssuer(t, hour, false, secret, second), alice()), second, "aud")
	own := ownVerifier(t, func(c *jwt.VerifierConfig) {
		c.OwnIssuer, c.Issuer, c.InsecureAnyIssuer = hour.Issuer, "", true
	})
	refused(t, own, issue(t, newIssuer(t, hour, true, secret, second), alice()), second, "iss")
}

// A clock that jumps makes tokens good or bad by what it says at that moment, and leaves nothing behind.
func TestAClockThatJumps(t *testing.T) {
	const year = 365 * 24 * time.Hour
	clock := second
	issuer, err := jwt.New(hour, true, secret, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	v := ownVerifier(t, func(*jwt.VerifierConfig) {})
	patient := ownVerifier(t, func(c *jwt.VerifierConfig) { c.Leeway = jwt.MaxLeeway })
	old := issue(t, issuer, alice())
	for _, jump := range []struct {
		by              time.Duration
		strict, patient string
	}{
		{0, "", ""},
		{-time.Second, "iat", ""},
		{-time.Minute, "iat", ""},
		{-time.Minute - time.Nanosecond, "iat", "iat"},
		{-time.Hour, "iat", "iat"},
		{-10 * year, "iat", "iat"},
		{-100 * year, "iat", "iat"}, // before 1970
		{time.Hour - time.Nanosecond, "", ""},
		{time.Hour, "exp", ""},
		{time.Hour + time.Minute, "exp", "exp"},
		{10 * year, "exp", "exp"},
		{250 * year, "exp", "exp"},
		{0, "", ""},
	} {
		clock = second.Add(jump.by)
		refused(t, v, old, clock, jump.strict)
		refused(t, patient, old, clock, jump.patient)
		if clock.Unix() > 0 {
			refused(t, v, issue(t, issuer, alice()), clock, "")
		}
	}
	for _, now := range []time.Time{{}, time.Unix(1<<40, 0), time.Unix(-1<<40, 0)} {
		if claims, err := v.Verify(old, now); err == nil || !reflect.DeepEqual(claims, jwt.Claims{}) {
			t.Errorf("at %v: %+v", now, claims)
		}
	}
}
