//go:build race

package provider

// underRace makes bcrypt fifteen times slower.
const underRace = true
