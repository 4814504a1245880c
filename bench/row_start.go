package main

import (
	"fmt"
	"os"
	"time"
)

// startUp: alarms, not targets.
func (b *bench) startUp() ([]row, error) {
	file, err := b.passwordFile("users", 10)
	if err != nil {
		return nil, err
	}
	var starts []float64
	memory := 0
	for i := range b.rounds {
		begin := time.Now()
		g, err := b.startGateway(setup{providers: htpasswdProvider("local", file)})
		if err != nil {
			return nil, err
		}
		starts = append(starts, milliseconds(time.Since(begin)))
		if i == 0 {
			time.Sleep(3 * time.Second)
			if memory, err = g.resident(); err != nil {
				return nil, err
			}
		}
		g.process.stop()
	}
	info, err := os.Stat(b.gatehouse)
	if err != nil {
		return nil, err
	}
	b.note("start", map[string]any{"ms": starts, "resident": memory, "binary": info.Size()})
	return []row{
		{"start to first answer (an alarm)", "100 ms", fmt.Sprintf("%.0f ms", median(starts)), verdictOf(median(starts) <= 100)},
		{"idle memory (an alarm)", "30 MiB", mebibytes(memory), verdictOf(memory <= 30<<20)},
		{"binary (an alarm)", "25 MB", fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), verdictOf(info.Size() <= 25e6)},
	}, nil
}

func mebibytes(n int) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
