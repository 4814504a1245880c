//go:build !race

package server

// underRace tells that pools drop at random what is put into them.
const underRace = false
