package provider

import (
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"gatehouse/auth"
	"gatehouse/watch"
)

// stamps of the password file and the group file.
type stamps [2]watch.Stamp

// unread differs from the stamps of all files, and of a file that is gone.
var unread = stamps{watch.Unread, watch.Unread}

// A follower takes new versions of an htpasswd's files in, when they are whole. It is used by one goroutine.
type follower struct {
	of *htpasswd
	settling[stamps]
	refused string // why the newest version is not in force; logged once
	answers bool   // whether somebody may be remembered of it
}

// newFollower reads the files for the first time.
func newFollower(a *htpasswd) (*follower, error) {
	w := &follower{of: a}
	s, err := w.look()
	if err != nil {
		return nil, err
	}
	v, err := a.read(nil)
	if err != nil {
		return nil, err
	}
	w.begin(s, s.newest(), unread, a.env.Now())
	w.use(v)
	w.answers = true
	return w, nil
}

func (all stamps) newest() time.Time {
	var last time.Time
	for _, s := range all {
		if t := s.Written(); t.After(last) {
			last = t
		}
	}
	return last
}

func (w *follower) look() (s stamps, err error) {
	if s[0], err = watch.StampOf(w.of.File); err == nil {
		s[1], err = watch.StampOf(w.of.GroupFile)
	}
	return s, err
}

// folders are where a change of the files shows.
func (w *follower) folders() []string {
	list := []string{filepath.Dir(w.of.File)}
	if w.of.GroupFile != "" {
		list = append(list, filepath.Dir(w.of.GroupFile))
	}
	return list
}

// step looks at the files, takes a new version in if it is whole, and returns when to look again.
func (w *follower) step(now time.Time) time.Duration {
	s, err := w.look()
	if err != nil {
		w.taken = unread // so that the same files are taken in again when they can be seen again
		w.refuse(err)
		return watch.Every
	}
	if !w.changed(s, now) {
		return watch.Every
	}
	if left := w.left(now, w.blank(s)); left > 0 {
		return left
	}
	return w.load(s, now)
}

// blank reports whether a file has become empty or is gone: often it is only being written.
func (w *follower) blank(s stamps) bool {
	return s[0].Empty() && s[0] != w.taken[0] || w.of.GroupFile != "" && s[1].Empty() && s[1] != w.taken[1]
}

// load takes in the version with the stamps s, and returns when to look again.
func (w *follower) load(s stamps, now time.Time) time.Duration {
	if !s[0].Exists() || w.of.GroupFile != "" && !s[1].Exists() {
		w.taken = s
		w.forget(w.of.current.Swap(nil), nobody())
		w.refuse(errGone)
		return watch.Every
	}
	v, err := w.of.read(w.of.current.Load())
	if err != nil {
		w.refuse(err) // and try again: rights or the network may come back without a new stamp
		return watch.Every
	}
	if after, err := w.look(); err != nil || after != s {
		return settled // it changed while it was read
	}
	if left := w.unfinished(v, s) - now.Sub(w.since); left > 0 {
		return left
	}
	w.taken = s
	if err := v.refusal(); err != nil {
		w.refuse(err)
		return watch.Every
	}
	w.use(v)
	return watch.Every
}

// unfinished is how long v must have stood there before it counts as whole: some versions look as if
// somebody were still writing them.
func (w *follower) unfinished(v *version, s stamps) time.Duration {
	if v.torn {
		w.refuse(errTorn)
		return meant
	}
	old := w.of.current.Load()
	if old != nil && s[0].SameFile(w.taken[0]) &&
		strings.HasPrefix(strings.TrimSuffix(old.text, "\n"), v.text) && len(v.text) < len(old.text)-1 {
		return unsettled // the same file, and so far the same text
	}
	return 0
}

// refuse notes, once, that the newest version is not in force.
func (w *follower) refuse(err error) {
	if err.Error() == w.refused {
		return
	}
	w.refused = err.Error()
	w.of.env.Metrics.FileRefused(w.of.env.Name)
	log := w.of.env.Log.Error().Str("file", w.of.File).Err(err)
	if w.of.current.Load() == nil {
		log.Msg("password file is gone: nobody can log in until it is back")
		return
	}
	log.Msg("new version of a password file refused: the users of the old one stay")
}

// forget makes gatehouse forget the users whose record is another in v than before, or is not there; whom
// another provider knows by such a name too, for it may be this one's turn now.
func (w *follower) forget(old, v *version) {
	if old == nil {
		old = nobody()
	}
	name := w.of.env.Name
	w.of.env.Forget(func(u auth.User) bool {
		record := old.record(u.Name)
		if u.Provider == name {
			record = u.Record
		}
		return record != v.record(u.Name)
	})
}

// largeFile is the size in bytes of a file whose versions are worth to be given back at once.
const largeFile = 16 << 20

// use puts v in force, unless it says what is in force already.
func (w *follower) use(v *version) {
	a := w.of
	old := a.current.Load()
	switch {
	case old != v:
		v.weigh(a.env.Hashes, a.WeakHashes)
	case w.refused == "":
		return
	}
	w.refused = ""
	if old := a.current.Swap(v); w.answers {
		w.forget(old, v)
	}
	a.env.Metrics.FileLoaded(a.env.Name, len(v.problems))
	if len(v.text) > largeFile {
		debug.FreeOSMemory() // or the old version is there still when the next one is read
	}
	for i, p := range v.problems {
		if i == 20 {
			a.env.Log.Warn().Int("more", len(v.problems)-i).Msg("more lines cannot be used: gatehouse check lists them")
			break
		}
		a.env.Log.Warn().Str("file", p.file).Int("line", p.line).Err(p.err).Msg("line cannot be used: nobody can log in with it")
	}
	if v.mixed {
		a.env.Log.Warn().Str("file", a.File).Msg("hashes of very different cost: a client with a clock can tell some users from unknown ones")
	}
	a.env.Log.Info().Str("file", a.File).Int("users", v.users.len()).Msg("password file loaded")
}
