package jwt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"gatehouse/conf"
)

const (
	// rotateAhead is how much earlier than it must be published the next key is made: other gateways may hear of new
	// files late, as those of NFS do.
	rotateAhead = time.Minute
	// mostRotations is how many keys may begin to sign while one is published: few enough for [maxRing].
	mostRotations = 12
)

// checkSchedule reports what is wrong with rotate_every.
func (c Config) checkSchedule(r conf.Report) {
	switch {
	case c.RotateEvery == 0:
	case c.KeysDir == "":
		r.Fault("rotate_every", "is for keys_dir, which is not set")
	case c.RotateEvery <= c.PublishBefore:
		r.Fault("rotate_every", "must be longer than publish_before, %v: the next key is published while the last one signs", c.PublishBefore)
	case c.RotateEvery < (c.keep()+c.PublishBefore)/mostRotations:
		r.Fault("rotate_every", "is too short beside exp and publish_before: more than %d keys would be published at once", mostRotations)
	}
}

// Inspect reports what would keep a new key from being made by whoever runs this.
func (c Config) Inspect(r conf.Report) {
	if c.RotateEvery == 0 {
		return
	}
	folder := c.KeysDir
	for _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist); _, err = os.Stat(folder) {
		folder = filepath.Dir(folder) // it is made there
	}
	const write, search = 2, 1
	if err := syscall.Access(folder, write|search); err != nil {
		r.Warn("rotate_every", "no key could be made: %s cannot be written by this user: %v", folder, err)
	}
}

// Scheduled makes the next key of keys_dir where rotate_every says that it is time. It signs rotate_every after the
// last one began, or, if nobody was there to make it in time, publish_before from now. That time is the file's name, so
// gateways that share the folder want one file, and who comes second finds it there. Nothing is done where stands says,
// when the folder is locked, that c is not in force any more. It returns the key that was made, with no File if none
// was, and how long to wait before it is called again.
func (c Config) Scheduled(now time.Time, stands func() bool) (done Rotation, wait time.Duration, err error) {
	now = now.UTC()
	if wait, err = c.untilDue(now); err == nil && wait == 0 {
		done, err = c.locked(now, func(now time.Time) (Rotation, error) {
			if !stands() {
				return Rotation{}, nil
			}
			return c.scheduled(now)
		})
	}
	if err != nil {
		err = fmt.Errorf("jwt: rotate_every: %w", err)
	}
	return done, wait, err
}

// locked has make make a key while nobody else does, at the time at which the folder is locked. A file that is there
// is somebody else's, who came past the lock.
func (c Config) locked(now time.Time, make func(now time.Time) (Rotation, error)) (Rotation, error) {
	asked := time.Now()
	unlock, err := lock(c.KeysDir)
	if err != nil {
		return Rotation{}, err
	}
	defer unlock()
	done, err := make(now.Add(time.Since(asked)))
	if errors.Is(err, fs.ErrExist) {
		return Rotation{}, nil
	}
	return done, err
}

// scheduled is Scheduled with the folder locked, for which it may have had to wait.
func (c Config) scheduled(now time.Time) (Rotation, error) {
	r, paths, err := folderRing(c.KeysDir, c.keep())
	if err != nil {
		return Rotation{}, err
	}
	last := r.keys[len(r.keys)-1].from
	if c.due(last).After(now) { // somebody else was first
		return Rotation{}, nil
	}
	from := last.Add(c.RotateEvery)
	if soonest := c.published(now); from.Before(soonest) {
		from = soonest
	}
	return c.after(r, paths, "", from, now)
}

// due is when the key after that which signs from last on is to be made: not before that one signs.
func (c Config) due(last time.Time) time.Time {
	return last.Add(max(c.RotateEvery-c.PublishBefore-rotateAhead, 0))
}

// untilDue is how long it is until the next key is to be made. It reads names alone.
func (c Config) untilDue(now time.Time) (time.Duration, error) {
	paths, err := keyPaths(c.KeysDir)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(paths) == 0:
		return 0, fmt.Errorf("%s holds no key any more: is it mounted?", c.KeysDir)
	case err != nil:
		return 0, err
	}
	last, err := beginOf(paths[len(paths)-1])
	if err != nil {
		return 0, err
	}
	if last.After(now.Add(c.RotateEvery + c.PublishBefore + rotateAhead)) { // no key is made until then
		return 0, fmt.Errorf("%s signs too far from now, %s: is the clock right? If so, it was wrong when that key was made: remove that file",
			paths[len(paths)-1], now.Truncate(time.Second).Format(time.RFC3339))
	}
	return max(c.due(last).Sub(now), 0), nil
}

// Term is when the key that signs began to, and when the next one will. It is zero where there is none, or none that
// has a time.
func (i *Issuer) Term() (began, next time.Time) {
	if !i.timed() {
		return began, next
	}
	for _, k := range i.config.ring.keys {
		switch {
		case k.ID == i.phase.signer.ID:
			began = k.from
		case !began.IsZero():
			return began, k.from
		}
	}
	return began, next
}
