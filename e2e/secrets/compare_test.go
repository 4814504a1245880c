package secrets_test

import (
	"fmt"
	"math"
	"slices"
)

// measured is how long each try took, by the clock and by the gateway's own work, in seconds.
type measured struct{ took, worked map[try][]float64 }

// A comparison is of two tries.
type comparison struct{ wall, work difference }

func (c comparison) String() string { return fmt.Sprintf("%v; work %v", c.wall, c.work) }

func (m measured) compare(one, other try) comparison {
	return comparison{mannWhitney(m.took[one], m.took[other]), mannWhitney(m.worked[one], m.worked[other])}
}

// A difference is what a clock can make of two lists of times.
type difference struct {
	auc    float64 // the chance that one of the first takes longer than one of the second: 0.5 if they are alike
	median float64 // the difference of the medians, as a share of the second's
}

func (d difference) same() bool { return math.Abs(d.auc-0.5) <= 0.08 && math.Abs(d.median) <= 0.05 }

func (d difference) String() string {
	return fmt.Sprintf("AUC %.3f, median %+.1f %%", d.auc, 100*d.median)
}

// mannWhitney is the statistic of that name, as a share.
func mannWhitney(x, y []float64) difference {
	slices.Sort(x)
	slices.Sort(y)
	wins := 0.0
	for _, a := range x {
		below, _ := slices.BinarySearch(y, a)
		above, _ := slices.BinarySearch(y, math.Nextafter(a, math.Inf(1)))
		wins += float64(below) + float64(above-below)/2
	}
	return difference{auc: wins / float64(len(x)*len(y)), median: x[len(x)/2]/y[len(y)/2] - 1}
}
