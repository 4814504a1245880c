//go:build race

package password

// underRace makes hashing about ten times slower.
const underRace = true
