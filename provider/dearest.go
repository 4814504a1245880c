package provider

import (
	"iter"

	"gatehouse/password"
)

// decoyOf returns a hash that costs what the dearest of hashes costs and that no password matches, for
// unknown users; nil if there are no hashes. mixed tells that some hash costs less than half of that, so
// that a client with a clock can tell its user from an unknown one.
func decoyOf(pool *password.Pool, hashes iter.Seq[password.Hash]) (decoy *password.Hash, mixed bool) {
	dearest := pool.Dearest(hashes)
	if dearest == (password.Hash{}) {
		return nil, false
	}
	top := pool.Cost(dearest)
	for h := range hashes {
		if 2*pool.Cost(h) < top {
			mixed = true
			break
		}
	}
	made := dearest.Decoy()
	return &made, mixed
}
