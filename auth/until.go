package auth

import (
	"errors"
	"math"
	"strconv"
	"time"
)

// AttributeExpires is the attribute that ends a user's token, in Unix seconds, as in auth-o-tron.
const AttributeExpires = "exp"

// maxUnix is more than any time that a token can hold, in Unix seconds.
const maxUnix = 1 << 40

// ParseUntil reads a time in Unix seconds, which may have a fraction (RFC 7519, section 2).
func ParseUntil(text string) (time.Time, error) {
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(math.Abs(seconds) < maxUnix) { // NaN is not less than anything
		return time.Time{}, errors.New("is no time in Unix seconds")
	}
	return time.Unix(int64(math.Floor(seconds)), 0), nil
}

// Earlier returns the earlier of two ends; the zero end is none.
func Earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
