//go:build !race

package gate_test

// underRace tells that pools drop at random what is put into them.
const underRace = false
