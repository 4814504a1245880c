package password

import (
	"errors"
	"fmt"
	"strings"
)

// The least and the default number of rounds are crypt(3)'s; the most keeps even the longest password
// near one second.
const (
	minSHARounds, maxSHARounds = 1000, 200_000
	defaultSHARounds           = 5000
)

// readSHA reads "rounds=10000$", which may be left out, and then salt and digest.
func readSHA(digestLength int) func(string) (cost, int, error) {
	const rounds = "rounds="
	return func(rest string) (cost, int, error) {
		c, salt := cost{size: defaultSHARounds, passes: 1}, 0
		if strings.HasPrefix(rest, rounds) {
			digits, _, more := strings.Cut(rest[len(rounds):], "$")
			n, ok := number(digits)
			if !ok || !more {
				return cost{}, 0, errors.New("the rounds are not a plain number")
			}
			if err := within("rounds", n, minSHARounds, maxSHARounds); err != nil {
				return cost{}, 0, err
			}
			c.size, salt = n, len(rounds)+len(digits)+1
		}
		return c, salt, saltAndDigest(rest[salt:], 16, digestLength)
	}
}

func shaParams(c cost) string { return fmt.Sprintf(" rounds %d", c.size) }
