package provider

import "time"

const (
	// settled is how long a file must be left alone before it counts as written.
	settled = 200 * time.Millisecond
	// meant is how long a file must be gone, empty or without an end to its last line before that counts as
	// wanted.
	meant = 10 * time.Second
	// unsettled is how long a file that is written again and again is waited for.
	unsettled = 2 * time.Second
)

// settling tells when what S stamps has been left alone long enough to be read.
type settling[S comparable] struct {
	taken    S         // of what was last loaded or refused
	seen     S         // of what was last looked at
	since    time.Time // when seen was first seen
	changing time.Time // when what was at rest was first seen to change
}

// begin notes that s, which was written at a time, has been read for the first time. unread is no state's stamp.
func (w *settling[S]) begin(s S, written time.Time, unread S, now time.Time) {
	w.seen, w.taken = s, unread
	// A file written a moment ago may be written again without a new time: it is read once more.
	if now.Sub(written) > 2*time.Second {
		w.taken = s
	}
	w.since, w.changing = now, now
}

// changed reports whether s, which is looked at now, is another state than what was taken.
func (w *settling[S]) changed(s S, now time.Time) bool {
	if s != w.taken && s != w.seen {
		if w.seen == w.taken || now.Sub(w.since) >= settled {
			w.changing = now
		}
		w.since = now
	}
	w.seen = s
	return s != w.taken
}

// left is how long to wait before what was seen counts as written; longer where it is blank, as it often is only being
// written then.
func (w *settling[S]) left(now time.Time, blank bool) time.Duration {
	if blank {
		return meant - now.Sub(w.since)
	}
	return min(settled-now.Sub(w.since), unsettled-now.Sub(w.changing))
}
