package password

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

const (
	minLogN, maxLogN = 10, 18 // of yescrypt's N, as crypt_gensalt(3) makes it
	maxBlockSize     = 32     // yescrypt's r
)

// readYescrypt reads "j", a letter for log2 N and one for r, and then salt and digest. Further
// letters would set lanes, passes or a ROM, and another first letter another flavour.
func readYescrypt(rest string) (cost, int, error) {
	const salt = len("j9T$")
	if len(rest) < salt || rest[0] != 'j' || rest[salt-1] != '$' {
		return cost{}, 0, errors.New("the parameters are cut off or not of the default flavour")
	}
	logN, r := uint32(crypt64.value[rest[1]]+1), uint32(crypt64.value[rest[2]]+1)
	if err := cmp.Or(
		within("log2 N", logN, minLogN, maxLogN),
		within("r", r, 1, maxBlockSize),
		within("memory in KiB", 1<<(logN&31)*r/8, 1, maxMemory),
	); err != nil {
		return cost{}, 0, err
	}
	text, _, _ := strings.Cut(rest[salt:], "$")
	if len(text) > 86 || !crypt64.whole(text) {
		return cost{}, 0, errSalt
	}
	return cost{size: 1 << logN, passes: uint8(r)}, salt, saltAndDigest(rest[salt:], 86, 43)
}

func yescryptParams(c cost) string {
	return fmt.Sprintf(" N=2^%d r=%d", bits.TrailingZeros32(c.size), c.passes)
}
