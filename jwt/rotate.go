package jwt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A Rotation is what [Config.Rotate] did.
type Rotation struct {
	File    string // of the new key
	Key     Key
	From    time.Time // when it begins to sign
	Removed []string  // files of keys whose last token has ended
}

// Rotate makes the next key of keys_dir: of kind, or of that of the last one where kind is "". It is published by
// every gateway that sees the folder, and signs publish_before later, or at once where it is the first or atOnce
// says so. Where the next key is there already, that is an error. It removes keys that nobody needs any more. Of
// several calls at once one goes after the other.
func (c Config) Rotate(kind string, atOnce bool, now time.Time) (Rotation, error) {
	if err := os.MkdirAll(c.KeysDir, 0o700); err != nil {
		return Rotation{}, fmt.Errorf("jwt: rotate: %w", err)
	}
	asked := time.Now()
	unlock, err := lock(c.KeysDir)
	if err != nil {
		return Rotation{}, fmt.Errorf("jwt: rotate: %w", err)
	}
	defer unlock()
	done, err := c.rotate(kind, atOnce, now.Add(time.Since(asked)).UTC().Truncate(time.Second))
	if err != nil {
		return done, fmt.Errorf("jwt: rotate: %w", err)
	}
	return done, nil
}

// rotate is Rotate with the folder locked.
func (c Config) rotate(kind string, atOnce bool, now time.Time) (done Rotation, err error) {
	r, paths, err := folderRing(c.KeysDir, c.keep())
	switch {
	case errors.Is(err, errNoKey):
		return c.next(kind, now)
	case err != nil:
		return done, err
	}
	last := r.keys[len(r.keys)-1]
	if last.from.After(now) && !atOnce {
		return done, fmt.Errorf("the key %s is there already: it signs from %s", last.ID, last.from.Format(time.RFC3339))
	}
	from := now
	if !atOnce {
		from = c.published(now)
	}
	return c.after(r, paths, kind, from, now)
}

// published is when a key can sign that is made now: publish_before later, and a second more, as a gateway sees the
// file a second late.
func (c Config) published(now time.Time) time.Time {
	return now.Add(c.PublishBefore).Truncate(time.Second).Add(time.Second)
}

// after makes the key that signs from a time on, behind those of r, and removes those that nobody needs any more. What
// was needed when the last one was made is kept, whatever the clock says now: that may be wrong. So the last two stay.
func (c Config) after(r *Keyring, paths []string, kind string, from, now time.Time) (done Rotation, err error) {
	last := r.keys[len(r.keys)-1]
	if kind == "" {
		kind = last.Kind()
	}
	if done, err = c.next(kind, from); err != nil {
		return done, err
	}
	if made := last.from.Add(-c.PublishBefore - rotateAhead); made.Before(now) {
		now = made
	}
	for i := range len(paths) - 1 {
		if now.Before(r.keys[i+1].from.Add(r.keep)) {
			break
		}
		if err = os.Remove(paths[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return done, err
		}
		done.Removed = append(done.Removed, paths[i])
	}
	return done, nil
}

// next makes the key that signs from a time on.
func (c Config) next(kind string, from time.Time) (done Rotation, err error) {
	if kind == "" {
		kind = KeyKinds()[0]
	}
	if done.Key, err = Generate(kind); err != nil {
		return done, err
	}
	done.From, done.File = from, filepath.Join(c.KeysDir, from.Format(keyTime)+".pem")
	return done, done.Key.Write(done.File)
}

// lockFile is what a folder is locked by: on NFS a folder itself cannot be. No key's name begins with a dot.
const lockFile = ".lock"

const (
	// lockPatience is how long a lock may be another's: to make a key takes far less.
	lockPatience = 5 * time.Second
	lockInterval = 20 * time.Millisecond
)

// lock holds a folder, for those who ask for it too, until unlock is called or the process ends.
func lock(folder string) (unlock func(), err error) {
	path := filepath.Join(folder, lockFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err = giveToOwner(f, folder); err == nil {
		err = flock(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// flock does not wait in the system, where nothing would end it.
func flock(f *os.File) error {
	for end := time.Now().Add(lockPatience); ; time.Sleep(lockInterval) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		case time.Now().After(end):
			return fmt.Errorf("%s is held by another process for more than %v", f.Name(), lockPatience)
		}
	}
}
