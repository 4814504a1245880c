// Package watch tells of changes of files. It knows nothing of ours.
package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Every is how often a file should be looked at without being told of a change, for network file systems.
const Every = 5 * time.Second

// A Stamp tells one state of a file from the next. The zero Stamp is that of a file that is not there.
type Stamp struct {
	exists         bool
	size           int64
	inode          uint64
	written, moved syscall.Timespec // mtime, ctime
}

// Unread differs from the stamp of every file, and of one that is gone.
var Unread = Stamp{size: -1}

// StampOf returns the stamp of the file that path leads to, through links.
func StampOf(path string) (Stamp, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || path == "" {
		return Stamp{}, nil
	}
	if err != nil {
		return Stamp{}, err
	}
	s := info.Sys().(*syscall.Stat_t)
	return Stamp{true, info.Size(), s.Ino, s.Mtim, s.Ctim}, nil
}

// Exists reports whether the file was there.
func (s Stamp) Exists() bool { return s.exists }

// Empty reports whether there was nothing in the file, or no file.
func (s Stamp) Empty() bool { return s.size == 0 }

// SameFile reports whether both are states of one file, written in place.
func (s Stamp) SameFile(other Stamp) bool { return s.inode == other.inode }

// Written is when the file was.
func (s Stamp) Written() time.Time { return time.Unix(s.written.Unix()) }

// Follow calls step after every change in folders, and when the time has passed that step last returned, until
// ctx ends. Where the system cannot tell of changes deaf is called, and the time alone counts.
func Follow(ctx context.Context, folders []string, step func() time.Duration, deaf func(error)) {
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
		deaf(err)
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
		timer.Reset(step())
	}
}

// discard empties the watcher's errors (an overflow, say): the timer sees what an event missed.
func discard(errs <-chan error) {
	for range errs {
	}
}
