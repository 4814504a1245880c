// Command mutants makes small wrong changes to gatehouse, one at a time and in a copy of it, and shows that the
// tests notice each of them. testdata/mutants holds the changes; testdata/README.md says how one is written.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"
)

func main() {
	root := flag.String("root", ".", "the folder of gatehouse's go.mod")
	parallel := flag.Int("parallel", 2, "how many mutants are tried at once")
	limit := flag.Duration("limit", 45*time.Second, "how long the tests of one mutant may take")
	only := flag.String("only", "", "a regular expression: only the mutants whose file, number or name it matches")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, *parallel, *limit, *only); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, parallel int, limit time.Duration, only string) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	all, err := ReadAll(filepath.Join(root, "testdata", "mutants"))
	if err != nil {
		return err
	}
	var chosen []Mutant
	for _, m := range all {
		if pattern.MatchString(m.Source + " " + m.Guards + " " + m.Name) {
			chosen = append(chosen, m)
		}
	}
	begin := time.Now()
	bad, err := tryAll(ctx, root, chosen, parallel, limit)
	if err != nil {
		return err
	}
	fmt.Printf("%d mutants in %s, %d of them not caught\n", len(chosen), time.Since(begin).Round(time.Second), bad)
	if bad > 0 || len(chosen) == 0 {
		return fmt.Errorf("%d of %d mutants were not caught", bad, len(chosen))
	}
	return nil
}

// tryAll tries mutants in copies of root, one line for each, and returns how many were not caught. What the
// unchanged copy fails proves nothing, so it must pass their tests first.
func tryAll(ctx context.Context, root string, mutants []Mutant, parallel int, limit time.Duration) (bad int, err error) {
	trees := make(chan *Tree, parallel)
	for range parallel {
		t, err := CopyTree(ctx, root, limit)
		if err != nil {
			return 0, err
		}
		defer t.Remove()
		trees <- t
	}
	each(trees, Baselines(mutants),
		func(t *Tree, b Tests) string { return t.Baseline(ctx, b) },
		func(b Tests, wrong string) {
			if wrong != "" {
				err = errors.Join(err, fmt.Errorf("%s without a mutant: %s", b.Package, wrong))
			}
		})
	if err != nil {
		return 0, err
	}
	each(trees, mutants,
		func(t *Tree, m Mutant) Verdict { return t.Try(ctx, m) },
		func(m Mutant, v Verdict) {
			if !v.Caught {
				bad++
			}
			fmt.Printf("%s: %s [%s]: %s\n", m.Source, m.Name, m.Guards, v)
		})
	return bad, ctx.Err()
}

// each does every item with a tree that no other item has meanwhile, and tells what came of one at a time.
func each[T, V any](trees chan *Tree, items []T, do func(*Tree, T) V, tell func(T, V)) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, item := range items {
		t := <-trees
		all.Go(func() {
			v := do(t, item)
			trees <- t
			mu.Lock()
			defer mu.Unlock()
			tell(item, v)
		})
	}
	all.Wait()
}
