package jwt

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"gatehouse/strictjson"
)

// Claims are those of a token that passed every check.
type Claims struct {
	Issuer  string         // iss; "" if there is none, which InsecureAnyIssuer alone lets pass
	Subject string         // sub; "" if there is none
	Expires time.Time      // exp
	All     map[string]any // every claim under its exact name; a number is a [json.Number]
	Key     string         // names the key that verified, for [KeySet.Has]; "" if that was the secret
}

// latest is the last second of the year 9999. A later one is in no clock.
const latest = 253402300799

func (v *Verifier) readClaims(payload []byte, now time.Time) (Claims, error) {
	all, err := strictjson.Object(payload)
	if err != nil {
		return Claims{}, &TokenError{"claims", err.Error()}
	}
	for _, name := range []string{"iss", "sub", "jti"} {
		if _, err := member(all, name); err != nil {
			return Claims{}, &TokenError{name, err.Error()}
		}
	}
	c := Claims{All: all}
	c.Issuer, _ = all["iss"].(string)
	c.Subject, _ = all["sub"].(string)
	if err := v.checkIssuer(c.Issuer); err != nil {
		return Claims{}, err
	}
	if err := v.checkAudience(all); err != nil {
		return Claims{}, err
	}
	if c.Expires, err = v.checkTimes(all, now); err != nil {
		return Claims{}, err
	}
	return c, nil
}

func (v *Verifier) checkIssuer(issuer string) error {
	switch {
	case v.ownIssuer != "" && issuer == v.ownIssuer:
		return &TokenError{"iss", "is gatehouse itself"}
	case !v.anyIssuer && issuer != v.issuer:
		return &TokenError{"iss", "is missing or another"}
	}
	return nil
}

// checkAudience takes aud as one string or a list of them (RFC 7519, section 4.1.3).
func (v *Verifier) checkAudience(all map[string]any) error {
	aud, ok := all["aud"]
	if !ok && v.anyAudience {
		return nil
	}
	list := []string{""}
	if list[0], ok = aud.(string); !ok {
		var err error
		if list, err = texts(aud); err != nil {
			return &TokenError{"aud", "is missing, or neither a string nor a list of strings"}
		}
	}
	if !v.anyAudience && !slices.ContainsFunc(list, func(a string) bool { return slices.Contains(v.audiences, a) }) {
		return &TokenError{"aud", "is another"}
	}
	return nil
}

// checkTimes returns exp. A token is good from nbf and iat, and not any more at exp itself.
func (v *Verifier) checkTimes(all map[string]any, now time.Time) (time.Time, error) {
	dates := map[string]time.Time{}
	for _, name := range []string{"exp", "nbf", "iat"} {
		claim, ok := all[name]
		if !ok {
			continue
		}
		date, ok := numericDate(claim)
		if !ok {
			return time.Time{}, &TokenError{name, "is no time between 1970 and 9999"}
		}
		dates[name] = date
	}
	expires, ok := dates["exp"]
	expires = expires.Truncate(time.Second)
	issued, dated := dates["iat"]
	switch {
	case !ok:
		return time.Time{}, &TokenError{"exp", "is missing"}
	case !now.Before(expires.Add(v.leeway)):
		return time.Time{}, &TokenError{"exp", "has passed"}
	case now.Before(dates["nbf"].Add(-v.leeway)):
		return time.Time{}, &TokenError{"nbf", "is yet to come"}
	case now.Before(issued.Add(-v.leeway)):
		return time.Time{}, &TokenError{"iat", "is yet to come"}
	case v.maxLifetime > 0 && !dated:
		return time.Time{}, &TokenError{"iat", "is missing: the token's lifetime is not known"}
	case v.maxLifetime > 0 && expires.Sub(issued) > v.maxLifetime:
		return time.Time{}, &TokenError{"exp", "is too long after iat"}
	}
	return expires, nil
}

// numericDate reads seconds since 1970, whole or not (RFC 7519, section 2).
func numericDate(claim any) (time.Time, bool) {
	number, ok := claim.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseFloat(string(number), 64)
	if err != nil || seconds < 0 || seconds > latest {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}
