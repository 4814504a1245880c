package jwt

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"slices"
)

// rocaPrimes are the primes of the fingerprint for which the powers of 65537 are not all remainders
// (Nemec and others, "The Return of Coppersmith's Attack", 2017).
var rocaPrimes = []int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157}

// isROCA reports whether n modulo each of the primes is a power of 65537, as it is for every modulus of
// Infineon's faulty generator and for one of 2^27 others.
func isROCA(n *big.Int) bool {
	return !slices.ContainsFunc(rocaPrimes, func(p int64) bool {
		remainder := new(big.Int).Mod(n, big.NewInt(p)).Int64()
		for power := 65537 % p; power != remainder; power = power * 65537 % p {
			if power == 1 {
				return true
			}
		}
		return false
	})
}

// smallOrderPoints are the y of Ed25519's points of order 1, 2, 4 and 8, and those of them that have a
// second spelling, little-endian, without the sign of x.
var smallOrderPoints = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

// smallOrder reports whether the public key x, 32 bytes, has few multiples. A signature over one message
// then fits many, and anybody can make it.
func smallOrder(x []byte) bool {
	y := bytes.Clone(x)
	y[31] &= 0x7f
	return slices.Contains(smallOrderPoints, hex.EncodeToString(y))
}
