package password

import (
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/crypto/bcrypt"
)

// Cost 14 takes a second and a half on a small machine; each step doubles it.
const minBcryptCost, maxBcryptCost = 4, 14

// readBcrypt reads "12$" and then 22 letters of salt and 31 of digest.
func readBcrypt(rest string) (cost, int, error) {
	const salt = len("12$")
	if len(rest) != salt+22+31 {
		return cost{}, 0, errDigest
	}
	tens, ones := rest[0]-'0', rest[1]-'0'
	if tens > 9 || ones > 9 || rest[2] != '$' {
		return cost{}, 0, errors.New("the cost is not two digits")
	}
	n := uint32(tens*10 + ones)
	if err := within("cost", n, minBcryptCost, maxBcryptCost); err != nil {
		return cost{}, 0, err
	}
	// Spare bits of the salt may be set: old tools did so, and no comparison looks at them.
	if !bcrypt64.all(rest[salt:salt+22]) || !bcrypt64.whole(rest[salt+22:]) {
		return cost{}, 0, errDigest
	}
	return cost{size: 1 << n, passes: 1}, salt, nil
}

func bcryptParams(c cost) string { return fmt.Sprintf(" cost %d", bits.TrailingZeros32(c.size)) }

func matchBcrypt(text, secret string) bool {
	return bcrypt.CompareHashAndPassword([]byte(text), []byte(secret)) == nil
}
