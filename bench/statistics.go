package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// median of a list, which may be unsorted; NaN of none.
func median(list []float64) float64 { return quantile(list, 0.5) }

// quantile is the value under which a share q of the list lies, interpolated; NaN of none.
func quantile(list []float64, q float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(list))
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// p99 is the shortest time that 99 % of the list keep to.
func p99(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[(99*len(sorted)+99)/100-1]
}

// interval is where the ratio of medians lies in 95 % of 10,000 resamplings of the rounds; a round's two
// results stay together.
func interval(a, b []float64) (low, high float64) {
	random := rand.New(rand.NewPCG(1, 2)) // the same table for the same numbers
	ratios := make([]float64, 10_000)
	x, y := make([]float64, len(a)), make([]float64, len(a))
	for i := range ratios {
		for j := range x {
			k := random.IntN(len(a))
			x[j], y[j] = a[k], b[k]
		}
		ratios[i] = ratio(x, y)
	}
	return quantile(ratios, 0.025), quantile(ratios, 0.975)
}

// ratio of medians.
func ratio(a, b []float64) float64 { return median(a) / median(b) }
