package password

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

const (
	maxMemory = 64 << 10 // KiB that one verification may take, also of yescrypt
	maxPasses = 4        // argon2id's t
	maxLanes  = 4        // argon2id's p
)

// readArgon2id reads "v=19$m=19456,t=2,p=1$" and then salt and digest (RFC 9106). The digest has 32
// bytes, as every tool makes it: were any length good, none could be told from a cut one.
func readArgon2id(rest string) (cost, int, error) {
	after, ok := strings.CutPrefix(rest, "v=19$")
	if !ok {
		return cost{}, 0, errors.New("the version is not 19")
	}
	params, after, _ := strings.Cut(after, "$")
	c, err := argon2idCost(params)
	if err != nil {
		return cost{}, 0, err
	}
	salt, digest, _ := strings.Cut(after, "$")
	if len(salt) < 11 || len(salt) > 86 || !std64.whole(salt) {
		return cost{}, 0, errSalt
	}
	if len(digest) != 43 || !std64.whole(digest) {
		return cost{}, 0, errDigest
	}
	return c, len(rest) - len(after), nil
}

func argon2idCost(params string) (cost, error) {
	m, params, _ := strings.Cut(params, ",")
	t, p, _ := strings.Cut(params, ",")
	memory, okM := parameter(m, "m=")
	passes, okT := parameter(t, "t=")
	lanes, okP := parameter(p, "p=")
	if !okM || !okT || !okP {
		return cost{}, errors.New("the parameters are not m, t and p as plain numbers")
	}
	return cost{size: memory, passes: uint8(passes), lanes: uint8(lanes)}, cmp.Or(
		within("p", lanes, 1, maxLanes),
		within("t", passes, 1, maxPasses),
		within("m", memory, 8*lanes, maxMemory),
	)
}

func parameter(text, name string) (uint32, bool) {
	digits, ok := strings.CutPrefix(text, name)
	n, plain := number(digits)
	return n, ok && plain
}

func argon2idParams(c cost) string {
	return fmt.Sprintf(" m=%d t=%d p=%d", c.size, c.passes, c.lanes)
}
