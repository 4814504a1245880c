package provider

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/fsnotify/fsnotify"
)

// follow calls step after every change in folders, and when the time has passed that step last returned,
// until ctx ends. Where the system cannot tell of changes, the time alone counts.
func follow(ctx context.Context, env Env, folders []string, step func(now time.Time) time.Duration) {
	var events <-chan fsnotify.Event
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		defer watcher.Close()
		for _, folder := range folders {
			if err = watcher.Add(folder); err != nil {
				break
			}
		}
		events = watcher.Events
		go discard(watcher.Errors)
	}
	if err != nil {
		env.Log.Warn().Err(err).Strs("folders", folders).Msg("no notice of file changes: they are looked for every 5 s")
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
		case <-timer.C:
		}
		timer.Reset(contained(env, step))
	}
}

// discard empties the watcher's errors (an overflow, say): the timer sees what an event missed.
func discard(errs <-chan error) {
	for range errs {
	}
}

// contained is step without its panics: one bad file must not end the process.
func contained(env Env, step func(time.Time) time.Duration) (next time.Duration) {
	defer func() {
		if recover() != nil {
			env.Metrics.Panic()
			env.Log.Error().Bytes("stack", debug.Stack()).Msg("panic while following a file")
			next = statEvery
		}
	}()
	return step(env.Now())
}
