package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	realUsers    = 1000
	realUserRate = 200      // questions a second of all real users
	junkGrowth   = 32 << 20 // bytes
)

// junkScript has wrk bring another key with each question.
const junkScript = `
local n = 0
request = function()
  n = n + 1
  return wrk.format(nil, nil, { ["Authorization"] = "Bearer junk-%d-" .. n })
end
`

// junkTokens: different keys that are nobody's, beside 1,000 users whose keys are remembered.
func (b *bench) junkTokens() ([]row, error) {
	s, err := b.startStub(0)
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(setup{sections: unthrottled, providers: s.provider("portal", ", cache: 1h")})
	if err != nil {
		return nil, err
	}
	if err := os.Truncate(g.output, 0); err != nil {
		return nil, err
	}
	c := b.newClient(usersFrom, askers)
	ask := func(ctx context.Context, n int) error {
		return c.yes(ctx, g.url, fmt.Sprintf("Bearer key-%d", n%realUsers))
	}
	for range 3 { // the first makes them known
		b.steady(realUsers, time.Second, ask)
	}
	g.settle(b.ctx)
	before, err := g.resident()
	if err != nil {
		return nil, err
	}
	j, err := b.sendJunk(g, ask)
	if err != nil {
		return nil, err
	}
	g.settle(b.ctx)
	after, err := g.resident()
	if err != nil {
		return nil, err
	}
	peak, err := g.peak()
	if err != nil {
		return nil, err
	}
	b.note("junk", map[string]any{"sent": j.sent, "before": before, "after": after, "peak": peak, "asked": j.asked, "missed": j.missed})
	return j.rows(before, after, peak), nil
}

// A junking is how many junk tokens were sent, how often real users asked meanwhile, and how many of their
// questions went on to the provider.
type junking struct {
	sent          int
	asked, missed float64
}

// rows judge the junk by resident memory before and after, in bytes, and by the hit rate. The peak is shown.
func (j junking) rows(before, after, peak int) []row {
	what, hits := fmt.Sprintf("%d different junk tokens: ", j.sent), 100*(1-j.missed/j.asked)
	return []row{
		{
			what + "resident memory", "grows by at most 32 MiB",
			fmt.Sprintf("%s: %s to %s at the end, %s at its peak", mebibytes(after-before), mebibytes(before), mebibytes(after), mebibytes(peak)),
			verdictOf(after-before <= junkGrowth),
		},
		{
			what + fmt.Sprintf("hit rate of %d real users", realUsers), "over 99 %",
			fmt.Sprintf("%.2f %% of %.0f", hits, j.asked), verdictOf(hits > 99),
		},
	}
}

// sendJunk sends b.junk tokens by wrk while real users ask.
func (b *bench) sendJunk(g *gateway, ask func(context.Context, int) error) (j junking, err error) {
	before, err := g.count("auth_provider_attempts_total", `"success"`)
	if err != nil {
		return j, err
	}
	for part := 0; j.sent < b.junk; part++ {
		if err := b.sendPart(g, ask, part, &j); err != nil {
			return j, err
		}
		if err := os.Truncate(g.output, 0); err != nil { // a line for each refusal
			return j, err
		}
		b.progress("junk: %d of %d", j.sent, b.junk)
	}
	after, err := g.count("auth_provider_attempts_total", `"success"`)
	j.missed = after - before
	return j, err
}

func (b *bench) sendPart(g *gateway, ask func(context.Context, int) error, part int, j *junking) error {
	script, err := b.write(filepath.Join("junk", fmt.Sprintf("%d.lua", part)), fmt.Sprintf(junkScript, part))
	if err != nil {
		return err
	}
	users := make(chan times, 1)
	go func() { users <- b.steady(realUserRate, time.Duration(b.seconds)*time.Second, ask) }()
	l, err := b.wrk(false, g.url, b.seconds, b.connections, "-s", script)
	t := <-users
	j.sent, j.asked = j.sent+l.requests, j.asked+float64(len(t.took))
	if err == nil && (l.refused != l.requests || t.lost > 0) {
		err = fmt.Errorf("%d of %d junk tokens were refused, and %d real users: %s", l.refused, l.requests, t.lost, strings.TrimSpace(g.lastWords()))
	}
	return err
}
