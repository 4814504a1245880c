package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const (
	loadLimit   = 3 * time.Second
	loadMemory  = 400 << 20 // bytes
	hotUserRate = 200       // questions a second of all hot users
	loginRate   = 500       // of their first logins
)

// million: a password file with so many users, of whom 1,000 are logged in.
func (b *bench) million() ([]row, error) {
	file, err := b.millionUsers()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	g, err := b.startGateway(setup{providers: htpasswdProvider("local", file)})
	if err != nil {
		return nil, err
	}
	loaded := time.Since(begin)
	b.note("million", map[string]any{"load_s": loaded.Seconds()})
	c := b.newClient(usersFrom, askers)
	ask := func(ctx context.Context, n int) error { return c.yes(ctx, g.url, basic(hotUser(n), alicePassword)) }
	if t := b.steady(loginRate, realUsers*time.Second/loginRate, ask); t.lost > 0 {
		return nil, fmt.Errorf("%d of %d users cannot log in: %s", t.lost, realUsers, g.lastWords())
	}
	g.settle(b.ctx)
	once, err := b.memory(g, "loaded")
	if err != nil {
		return nil, err
	}
	more, err := b.reloads(g, file, ask)
	if err != nil {
		return nil, err
	}
	again, err := b.memory(g, "reloaded")
	if err != nil {
		return nil, err
	}
	return append([]row{
		{
			fmt.Sprintf("htpasswd with %d users: loaded", b.users), "within 3 s",
			fmt.Sprintf("%.2f s", loaded.Seconds()), verdictOf(loaded <= loadLimit),
		},
		memoryRow(fmt.Sprintf("htpasswd with %d users: memory, once loaded", b.users), once),
		memoryRow(fmt.Sprintf("htpasswd with %d users: memory, after reloads", b.users), again),
	}, more...), nil
}

// A footprint is memory in bytes: what a process has, and the most that it ever had.
type footprint struct{ resident, peak int }

func (b *bench) memory(g *gateway, when string) (f footprint, err error) {
	if f.resident, err = g.resident(); err != nil {
		return f, err
	}
	f.peak, err = g.peak()
	b.note("million", map[string]any{"when": when, "resident": f.resident, "peak": f.peak})
	return f, err
}

// memoryRow judges by the peak: who gives gatehouse a limit of memory has to give it that.
func memoryRow(what string, f footprint) row {
	return row{
		what, "under 400 MiB",
		mebibytes(f.peak) + " at its peak, then " + mebibytes(f.resident), verdictOf(max(f.resident, f.peak) < loadMemory),
	}
}

func hotUser(n int) string { return fmt.Sprintf("hot-%03d", n%realUsers) }

// millionUsers makes the file. The hot users' hashes are cheap, and some have the same: it is not hashing that
// is measured.
func (b *bench) millionUsers() (string, error) {
	var hashes [10]string
	for i := range hashes {
		line, err := userLine("", alicePassword, bcrypt.MinCost)
		if err != nil {
			return "", err
		}
		hashes[i] = line
	}
	var hot strings.Builder
	for n := range realUsers {
		hot.WriteString(hotUser(n) + hashes[n%len(hashes)])
	}
	return b.write("million", hot.String()+strangers(b.users-realUsers, 10))
}

// reloads changes one hot user's line, again and again, while the hot users ask.
func (b *bench) reloads(g *gateway, file string, ask func(context.Context, int) error) ([]row, error) {
	var idle, busy []float64
	most, lost := 0.0, 0
	for i := range b.phases() {
		idle = append(idle, b.latency("million: idle", b.steady(hotUserRate, b.window, ask)))
		before, err := g.count("auth_provider_attempts_total")
		if err != nil {
			return nil, err
		}
		t, err := b.reload(g, file, hotUser(i), ask)
		if err != nil {
			return nil, err
		}
		busy = append(busy, b.latency("million: reload", t))
		lost += t.lost + b.steady(loginRate, realUsers*time.Second/loginRate, ask).lost
		after, err := g.count("auth_provider_attempts_total")
		if err != nil {
			return nil, err
		}
		most = max(most, after-before)
		b.note("million", map[string]any{"questions_after_reload": after - before})
		g.settle(b.ctx)
	}
	p, q := median(busy), median(idle)
	return []row{
		{
			fmt.Sprintf("one line of %d changed: of %d hot users", b.users, realUsers), fmt.Sprintf("%d stay hot", realUsers-1),
			fmt.Sprintf("%.0f stay hot, %d without a yes", realUsers-most, lost), verdictOf(most <= 1 && lost == 0),
		},
		{
			"one line changed: p99 of hot users during the reload", "within 5 times idle",
			fmt.Sprintf("%.1f times: %.2f ms to %.2f ms", p/q, p, q), verdictOf(p <= 5*q),
		},
	}, nil
}

// reload changes a user's line, and returns how long questions took that were due until it was in force.
func (b *bench) reload(g *gateway, file, user string, ask func(context.Context, int) error) (times, error) {
	line, err := userLine(user, alicePassword, bcrypt.MinCost)
	if err != nil {
		return times{}, err
	}
	if err := prepareLine(file, user, line); err != nil {
		return times{}, err
	}
	runtime.GC() // of that text: not while answers are timed
	all := make(chan times, 1)
	begin := time.Now()
	go func() { all <- b.steady(hotUserRate, b.window, ask) }()
	err = b.takeOver(g, file)
	due := int(time.Since(begin).Seconds() * hotUserRate)
	t := <-all
	t.took = t.took[:min(due, len(t.took))]
	return t, err
}
