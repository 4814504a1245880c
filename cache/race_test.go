//go:build race

package cache

// underRace tells that pools drop at random what is put into them.
const underRace = true
