//go:build race

package throttle

// underRace tells that the race detector is at work, which allocates.
const underRace = true
