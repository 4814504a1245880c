package main

import (
	"context"
	"errors"
	"reflect"
	"runtime/debug"
	"time"

	"gatehouse/conf"
	"gatehouse/jwt"
)

// mostUnrotated is how long nobody looks whether the clock was set, or rotate_every.
const mostUnrotated = time.Minute

// rotateKeys makes the next key of jwt.keys_dir when the configuration in force says so, until ctx ends. The key comes
// in force as every new file there does. This needs a goroutine of its own, as a disk may hang.
func (e *estate) rotateKeys(ctx context.Context) {
	said := "" // what failed, as long as it does
	for {
		wait, err := e.rotateOnce(time.Now())
		e.metrics.KeyRotationBad(err != nil)
		switch {
		case err == nil:
			said = ""
		case err.Error() != said:
			said = err.Error()
			e.log.Error().Err(err).Msg("the next key cannot be made: the one in force signs on")
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(wait, time.Second)):
		}
	}
}

// rotateOnce returns how long to wait before the next time. It contains panics.
func (e *estate) rotateOnce(now time.Time) (wait time.Duration, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			e.metrics.Panic()
			e.log.Error().Bytes("stack", debug.Stack()).Msg("panic while making a key")
			wait, err = mostUnrotated, errors.New("a fault of gatehouse's own")
		}
	}()
	config := e.inForce.Load()
	if config.JWT.RotateEvery == 0 {
		return mostUnrotated, nil
	}
	done, wait, err := config.JWT.Scheduled(now, func() bool { return e.inForce.Load() == config })
	if err != nil {
		return mostUnrotated, err
	}
	for _, path := range done.Removed {
		e.log.Info().Str("file", path).Msg("removed a key that nobody needs any more")
	}
	if done.File != "" {
		e.log.Info().Str("file", done.File).Str("kid", done.Key.ID).Time("from", done.From).Msg("made the next key: it signs at its time")
	}
	return min(wait, mostUnrotated), nil
}

// takeKeys puts in force what has changed in the key files of the configuration in force, while a newer one is
// refused: a key that others sign with must be published here too, whoever broke config.yaml.
func (e *estate) takeKeys() {
	keys := e.config.JWT
	faults := conf.Collect(func(r conf.Report) { keys.ReadKeys(r) })
	if !keys.HasKeys() || keys.AwaitsFirst() || len(faults) > 0 || reflect.DeepEqual(keys, e.config.JWT) {
		return
	}
	issuer, err := jwt.NewKeyed(keys, *keys.IssueAud, time.Now)
	if err == nil {
		err = e.signBy(issuer)
	}
	if err != nil {
		e.log.Error().Err(err).Msg("the new keys are not in force")
		return
	}
	config := *e.config
	config.JWT = keys
	e.config = &config
	e.inForce.Store(&config)
	e.log.Info().Str("kid", issuer.KeyID()).Msg("the keys are in force, though the configuration is refused")
}
