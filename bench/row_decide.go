package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

var (
	benchmarkTime   = regexp.MustCompile(`(?m)^Benchmark(\w+?)(?:-\d+)?\s.*?([\d.]+) ns/op`)
	benchmarkAllocs = regexp.MustCompile(`BenchmarkDecideHit.*\s(\d+) allocs/op`)
)

// decide: the gate alone, by its Go benchmarks, which take turns.
func (b *bench) decide() ([]row, error) {
	program := b.path("gate.test")
	build := exec.CommandContext(b.ctx, "go", "test", "-c", "-o", program, "./gate")
	build.Dir, build.Env = b.root, append(os.Environ(), "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go test -c ./gate: %w: %s", err, out)
	}
	took := map[string][]float64{}
	allocs := 0.0
	for r := range b.rounds {
		run := exec.CommandContext(b.ctx, program, "-test.run=^$", "-test.bench=^Benchmark(DecideHit|BareSHA256)$",
			fmt.Sprintf("-test.benchtime=%s", time.Duration(b.seconds)*time.Second/3))
		run.Dir = filepath.Join(b.root, "gate")
		out, err := run.CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("benchmarks of gate: %w: %s", err, out)
		}
		for _, found := range benchmarkTime.FindAllSubmatch(out, -1) {
			took[string(found[1])] = append(took[string(found[1])], number(regexp.MustCompile(`([\d.]+)`), found[2]))
		}
		allocs = max(allocs, number(benchmarkAllocs, out))
		b.note("decide", map[string]any{"round": r, "output": strings.TrimSpace(string(out))})
	}
	hit, bare := took["DecideHit"], took["BareSHA256"]
	if len(hit) != b.rounds || len(bare) != b.rounds {
		return nil, fmt.Errorf("%d and %d results of %d benchmark runs", len(hit), len(bare), b.rounds)
	}
	return []row{
		{"Decide on a hit (Go benchmark): memory", "0 allocs/op", fmt.Sprintf("%.0f allocs/op", allocs), verdictOf(allocs == 0)},
		{
			"Decide on a hit (Go benchmark): time", "at most 2.5 times the bare SHA-256 of the same bytes",
			compared(hit, bare, "%.0f ns"), verdictOf(ratio(hit, bare) <= 2.5),
		},
	}, nil
}
