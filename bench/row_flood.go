package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// What a flood is: so many clients, with so many wrong passwords a second between them, from an address that
// is not the user's.
const (
	attackers      = 64
	attacks        = 200
	attackersFrom  = "127.0.0.2"
	usersFrom      = "127.0.0.1"
	rememberedRate = 100 // questions a second of the user who is remembered
)

// The user whose line changes during the flood.
const carol, carolPassword = "carol", "a-mad-tea-party"

func (b *bench) floodUnthrottled() ([]row, error) {
	file, err := b.passwordFile("users", 12)
	if err != nil {
		return nil, err
	}
	rows, err := b.underFlood("throttle off", file, 12, setup{sections: unthrottled, providers: htpasswdProvider("local", file)})
	if err != nil {
		return nil, err
	}
	f, err := b.startNginx(behindBasic(file))
	if err != nil {
		return nil, err
	}
	t, told := b.flooded("nginx", f.url)
	return append(rows, row{
		"the same flood at nginx's `auth_basic` (a worker per processor)", "",
		fmt.Sprintf("p99 %.0f ms, %d of %d had no yes in %s; wrong passwords: %s", b.latency("flood: nginx", t), t.lost, len(t.took), patience, told), shown,
	}), nil
}

func (b *bench) floodThrottled() ([]row, error) {
	file, err := b.passwordFile("users", 12)
	if err != nil {
		return nil, err
	}
	return b.underFlood("throttle on", file, 12, setup{providers: htpasswdProvider("local", file)})
}

// underFlood floods a gateway and its floor in turns, and measures a remembered user of each; then a user whose
// line in file, whose hashes have this cost, changes meanwhile.
func (b *bench) underFlood(what, file string, cost int, s setup) ([]row, error) {
	lines, err := b.carolsLines(file, cost)
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(s)
	if err != nil {
		return nil, err
	}
	login := basic(alice, alicePassword)
	floor, err := b.startFloor(g, login)
	if err != nil {
		return nil, err
	}
	var d ordeal
	for i := range b.phases() {
		t, told := b.flooded("gatehouse", g.url)
		d.ours, d.lost = append(d.ours, b.latency("flood, "+what+": gatehouse", t)), d.lost+t.lost
		d.told = append(d.told, told)
		g.settle(b.ctx)
		t, _ = b.flooded("floor", floor.url)
		d.floors = append(d.floors, b.latency("flood, "+what+": floor", t))
		b.progress("flood, %s: phase %d of %d", what, i+1, b.phases())
	}
	d.back, err = b.getsBackIn(g, file, lines)
	return d.rows("flood, " + what), err
}

// An ordeal is what was measured during floods.
type ordeal struct {
	ours, floors []float64 // p99 of each phase, in ms
	told         []tally   // to the attackers, in each phase
	lost         int       // questions of the remembered user without a yes
	back         []float64 // seconds until a user was in again
}

func (d *ordeal) rows(what string) []row {
	p, q, back := median(d.ours), median(d.floors), quantile(d.back, 1)
	return []row{
		{
			what + ": p99 of a remembered user", "within 25 ms",
			fmt.Sprintf("%.2f ms, %d without a yes; wrong passwords: %s", p, d.lost, medianTally(d.told)),
			verdictOf(p <= 25 && d.lost == 0),
		},
		{
			what + ": beside the same flood at the floor", "within 3 times",
			fmt.Sprintf("%.1f times: %.2f ms to %.2f ms", p/q, p, q), verdictOf(p <= 3*q),
		},
		{
			what + ": a user whose entry ran out is in again", "within 2 s",
			fmt.Sprintf("%.2f s at most, %.2f s median of %d", back, median(d.back), len(d.back)), verdictOf(back <= 2),
		},
	}
}

// flooded measures a remembered user at url during a flood, and returns what the attackers were told.
func (b *bench) flooded(name, url string) (times, tally) {
	end := b.attack(url)
	c, login := b.newClient(usersFrom, askers), basic(alice, alicePassword)
	time.Sleep(b.window / 3) // until the flood is at its height
	t := b.steady(rememberedRate, b.window, func(ctx context.Context, _ int) error { return c.yes(ctx, url, login) })
	told := end()
	b.note("flood", map[string]any{"at": name, "verdicts_per_second": told.verdicts, "refusals_per_second": told.refusals, "others_per_second": told.others})
	return t, told
}

// attack floods url until end is called, which returns what the attackers were told.
func (b *bench) attack(url string) (end func() tally) {
	ctx, cancel := context.WithCancel(b.ctx)
	c := b.newClient(attackersFrom, attackers)
	var told counts
	var all sync.WaitGroup
	due := make(chan int)
	for range attackers {
		all.Go(func() {
			for n := range due {
				told.add(c.status(ctx, url, basic(alice, fmt.Sprintf("wrong-%d", n))))
			}
		})
	}
	begin := time.Now()
	all.Go(func() { pace(ctx, due) })
	return func() tally {
		t := told.per(time.Since(begin))
		cancel()
		all.Wait()
		return t
	}
}

// guesses counts the wrong passwords of the whole run: no two are the same.
var guesses atomic.Int64

// pace says when the next wrong password is due, and to nobody where all attackers wait for an answer.
func pace(ctx context.Context, due chan<- int) {
	defer close(due)
	tick := time.NewTicker(time.Second / attacks)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		select {
		case due <- int(guesses.Add(1)):
		default:
		}
	}
}

// carolsLines adds carol to file, and returns other lines of hers with the same password.
func (b *bench) carolsLines(file string, cost int) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	lines := make([]string, b.phases()+1)
	for i := range lines {
		if lines[i], err = userLine(carol, carolPassword, cost); err != nil {
			return nil, err
		}
	}
	return lines[1:], os.WriteFile(file, append(text, lines[0]...), 0o644)
}

// getsBackIn has carol log in, floods g, changes her line, and measures in seconds how long it takes from the
// moment that she is forgotten until she is in again, if she asks again at once whenever there was no yes.
func (b *bench) getsBackIn(g *gateway, file string, lines []string) ([]float64, error) {
	c, login := b.newClient(usersFrom, askers), basic(carol, carolPassword)
	if err := c.yes(b.ctx, g.url, login); err != nil {
		return nil, err
	}
	defer b.attack(g.url)()
	time.Sleep(b.window / 3)
	var took []float64
	for _, line := range lines {
		if err := prepareLine(file, carol, line); err != nil {
			return nil, err
		}
		if err := b.takeOver(g, file); err != nil {
			return nil, err
		}
		forgotten := time.Now()
		for c.yes(b.ctx, g.url, login) != nil && time.Since(forgotten) < patience {
			time.Sleep(10 * time.Millisecond)
		}
		took = append(took, time.Since(forgotten).Seconds())
		b.note("flood", map[string]any{"back_in_s": took[len(took)-1]})
	}
	return took, nil
}
