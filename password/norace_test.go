//go:build !race

package password

// underRace is false where hashing has its usual speed.
const underRace = false
