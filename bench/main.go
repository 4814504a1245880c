// Command bench measures gatehouse beside what it is compared with, on this machine, and prints one table.
// docs/performance.md tells how. Programs that it needs: go, wrk, nginx, caddy.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

// A family is rows that are measured together. The order of families is that of the table.
type family struct {
	name    string
	needs   []string // programs
	measure func(*bench) ([]row, error)
}

var families = []family{
	{"hot-basic", []string{"wrk"}, (*bench).hotBasic},
	{"hot-bearer", []string{"wrk"}, (*bench).hotBearer},
	{"nginx", []string{"wrk", "nginx"}, (*bench).throughNginx},
	{"decide", nil, (*bench).decide},
	{"auth-basic", []string{"wrk", "nginx"}, (*bench).againstAuthBasic},
	{"caddy", []string{"wrk", "caddy"}, (*bench).againstCaddy},
	{"flood", []string{"nginx"}, (*bench).floodUnthrottled},
	{"flood-throttled", nil, (*bench).floodThrottled},
	{"hung", nil, (*bench).hung},
	{"junk", []string{"wrk"}, (*bench).junkTokens},
	{"once", nil, (*bench).once},
	{"million", nil, (*bench).million},
	{"start", nil, (*bench).startUp},
	{"nginx-cache", []string{"wrk", "nginx"}, (*bench).nginxCache},
}

func main() {
	b := &bench{say: os.Stderr}
	flag.IntVar(&b.rounds, "rounds", 15, "rounds of each contender")
	flag.IntVar(&b.seconds, "seconds", 3, "seconds of one round")
	flag.IntVar(&b.connections, "connections", 16, "connections that wrk keeps")
	flag.IntVar(&b.junk, "junk", 2_000_000, "different junk tokens")
	flag.IntVar(&b.users, "users", 1_000_000, "users of the big password file")
	quick := flag.Bool("quick", false, "3 rounds of 1 s, and 200,000 junk tokens: to try")
	only := flag.String("only", "", "measure the families whose name matches this expression")
	out := flag.String("out", "", "file for the raw measurements, one JSON object a line")
	flag.Parse()
	if *quick {
		b.rounds, b.seconds, b.junk = 3, 1, min(b.junk, 200_000)
	}
	b.window = time.Duration(3*b.seconds) * time.Second
	chosen, err := regexp.Compile(*only)
	if err == nil {
		err = b.run(os.Stdout, chosen, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures all chosen families. A target that is missed is no error.
func (b *bench) run(table io.Writer, chosen *regexp.Regexp, out string) error {
	ctx, restore := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer restore()
	b.ctx, b.raw = ctx, io.Discard
	if out != "" {
		f, err := os.Create(out)
		if err != nil {
			return err
		}
		defer f.Close()
		b.raw = f
	}
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin"); err != nil {
		return err
	}
	if err := b.open(); err != nil {
		return err
	}
	defer b.close()
	b.progress("building")
	if err := b.build("-trimpath", "-ldflags", "-s -w"); err != nil {
		return err
	}
	where, begin := machine(), time.Now().UTC()
	rows, err := b.measure(chosen)
	fmt.Fprintf(table, "%s.\n%d rounds of %d s, begun %s.\n\n", where, b.rounds, b.seconds, begin.Format("2006-01-02 15:04 UTC"))
	printTable(table, rows)
	return err
}

// measure returns the rows of all chosen families, and the errors of those that could not be measured.
func (b *bench) measure(chosen *regexp.Regexp) ([]row, error) {
	var rows []row
	var errs []error
	for _, f := range families {
		if !chosen.MatchString(f.name) || b.ctx.Err() != nil {
			continue
		}
		b.progress("%s", f.name)
		some, err := b.measureFamily(f)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.name, err))
			some = append(some, row{f.name, "", err.Error(), failed})
		}
		for _, r := range some {
			b.progress("%s: %s: %s %s", f.name, r.What, r.Measured, r.Verdict)
		}
		rows = append(rows, some...)
	}
	return rows, errors.Join(append(errs, b.ctx.Err())...)
}

func (b *bench) measureFamily(f family) ([]row, error) {
	for _, program := range f.needs {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("there is no %s here", program)
		}
	}
	defer b.stopAll()
	return f.measure(b)
}
