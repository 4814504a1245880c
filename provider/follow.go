package provider

import (
	"context"
	"runtime/debug"
	"time"

	"gatehouse/watch"
)

// follow calls step after every change in folders, and when the time has passed that step last returned,
// until ctx ends.
func follow(ctx context.Context, env Env, folders []string, step func(now time.Time) time.Duration) {
	watch.Follow(ctx, folders, func() time.Duration { return contained(env, step) }, func(err error) {
		env.Log.Warn().Err(err).Strs("folders", folders).Msg("no notice of file changes: they are looked for every " + watch.Every.String())
	})
}

// contained is step without its panics: one bad file must not end the process.
func contained(env Env, step func(time.Time) time.Duration) (next time.Duration) {
	defer func() {
		if recover() != nil {
			env.Metrics.Panic()
			env.Log.Error().Bytes("stack", debug.Stack()).Msg("panic while following a file")
			next = watch.Every
		}
	}()
	return step(env.Now())
}
