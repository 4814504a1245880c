package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/watch"
)

const (
	// settled is how long config.yaml and the files it names must be left alone before they count as written.
	settled = time.Second
	// meant is how long config.yaml must be gone, or without an end to its last line, before that counts as
	// wanted.
	meant = 10 * time.Second
	// unsettled is how long files that are written again and again are waited for.
	unsettled = 15 * time.Second
)

// A follower notices when files are written or replaced. It is for one goroutine.
type follower struct {
	files   []string
	now     func() time.Time
	changed func()
	taken   []watch.Stamp // of what was told of last
	seen    []watch.Stamp // of what was looked at last
	since   time.Time     // when seen was first seen
	unrest  time.Time     // when something other than taken was first seen; zero: it was not
}

// newFollower tells of what is other than it was at taken.
func newFollower(files []string, taken []watch.Stamp, now func() time.Time, changed func()) *follower {
	return &follower{files: files, now: now, changed: changed, taken: taken, seen: taken, since: now()}
}

// follow calls f.changed after changes until ctx ends.
func (f *follower) follow(ctx context.Context, log zerolog.Logger) {
	var folders []string
	for _, path := range f.files {
		if folder := filepath.Dir(path); !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	watch.Follow(ctx, folders, f.step, func(err error) {
		log.Warn().Err(err).Strs("folders", folders).Msg("no notice of file changes: they are looked for every " + watch.Every.String())
	})
}

// look returns the stamps of files. One that cannot be looked at is as one that is gone.
func look(files []string) []watch.Stamp {
	list := make([]watch.Stamp, len(files))
	for i, path := range files {
		list[i], _ = watch.StampOf(path)
	}
	return list
}

// step looks once, and returns when to look again.
func (f *follower) step() time.Duration {
	now, seen := f.now(), look(f.files)
	if !slices.Equal(seen, f.seen) {
		f.seen, f.since = seen, now
	}
	if slices.Equal(seen, f.taken) {
		f.unrest = time.Time{}
		return watch.Every
	}
	if f.unrest.IsZero() {
		f.unrest = now
	}
	enough := settled
	if !whole(f.files[0]) {
		enough = meant
	}
	if left := min(enough-now.Sub(f.since), unsettled-now.Sub(f.unrest)); left > 0 {
		return min(left, settled)
	}
	f.taken, f.unrest = seen, time.Time{}
	f.changed()
	return watch.Every
}

// whole reports whether the file looks as if nobody were still writing it. It waits for no pipe's writer.
func whole(path string) bool {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	last := make([]byte, 1)
	_, err = file.ReadAt(last, info.Size()-1)
	return err == nil && last[0] == '\n'
}
