package provider

import (
	"path/filepath"
	"time"

	"gatehouse/auth"
	"gatehouse/watch"
)

// An authoritiesFollower takes new versions of an mtls's file in, when they are whole. The last good one stays in
// force until there is another. It is used by one goroutine.
type authoritiesFollower struct {
	of *mtls
	settling[watch.Stamp]
	refused string // why the newest version is not in force; logged once
}

// newAuthoritiesFollower reads the file for the first time.
func newAuthoritiesFollower(m *mtls) (*authoritiesFollower, error) {
	w := &authoritiesFollower{of: m}
	s, err := watch.StampOf(m.CAFile)
	if err != nil {
		return nil, err
	}
	a, err := readAuthorities(m.CAFile)
	if err != nil {
		return nil, err
	}
	w.begin(s, s.Written(), watch.Unread, m.env.Now())
	w.use(a)
	return w, nil
}

// folders are where a change of the file shows.
func (w *authoritiesFollower) folders() []string { return []string{filepath.Dir(w.of.CAFile)} }

// step looks at the file, takes a new version in if it is whole, and returns when to look again.
func (w *authoritiesFollower) step(now time.Time) time.Duration {
	s, err := watch.StampOf(w.of.CAFile)
	if err != nil {
		return w.unreadable(err)
	}
	if !w.changed(s, now) {
		return watch.Every
	}
	if left := w.left(now, s.Empty()); left > 0 {
		return left
	}
	return w.load(s)
}

// load takes in the version with the stamp s, and returns when to look again.
func (w *authoritiesFollower) load(s watch.Stamp) time.Duration {
	text, err := readFile(w.of.CAFile)
	if err != nil {
		return w.unreadable(err)
	}
	if after, err := watch.StampOf(w.of.CAFile); err != nil || after != s {
		return settled // it changed while it was read
	}
	w.taken = s
	a, err := parseAuthorities(text, w.of.CAFile)
	if err != nil {
		w.refuse(err)
		return watch.Every
	}
	w.use(a)
	return watch.Every
}

// unreadable has every version tried from now on, the one in force included: rights, a disk or the network may come
// back without a new stamp.
func (w *authoritiesFollower) unreadable(err error) time.Duration {
	w.taken = watch.Unread
	w.refuse(err)
	return watch.Every
}

// refuse notes, once, that the newest version is not in force.
func (w *authoritiesFollower) refuse(err error) {
	if err.Error() == w.refused {
		return
	}
	w.refused = err.Error()
	w.of.env.Metrics.FileRefused(w.of.env.Name)
	w.of.env.Log.Error().Str("file", w.of.CAFile).Err(err).Msg("new version of a file of authorities refused: those of the old one stay")
}

// use puts a in force, unless it says what is in force already. Whoever came by an authority that is gone is
// forgotten at once.
func (w *authoritiesFollower) use(a *authorities) {
	m := w.of
	old := m.current.Load()
	if old != nil && old.text == a.text && w.refused == "" {
		return
	}
	w.refused = ""
	m.current.Store(a)
	if old != nil {
		m.env.Forget(func(u auth.User) bool { return u.Provider == m.env.Name && !a.has[u.Record] })
	}
	m.env.Metrics.FileLoaded(m.env.Name, 0)
	for _, err := range a.odd(m.env.Now()) {
		m.env.Log.Warn().Err(err).Msg("a certificate among the authorities may not be what was meant")
	}
	m.env.Log.Info().Str("file", m.CAFile).Int("authorities", len(a.list)).Msg("file of authorities loaded")
}
