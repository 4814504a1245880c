package provider

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"gatehouse/auth"
)

const (
	// minPause is for a service that says 429 and no time that makes sense.
	minPause = time.Second
	// maxPause is the longest that a service can keep anybody away.
	maxPause = time.Minute
	// maxPaused is how many credentials can be kept away each by itself.
	maxPaused = 1000
)

// pauses keeps away whom a service told to ask later: the credential that it told so, and everybody once it
// told five credentials in a row, since it may mean one key, or us. Of one client four count, so that
// nobody with some keys that are over their limit keeps away all others.
type pauses struct {
	now func() time.Time

	mu      sync.Mutex // guards all below
	until   map[digest]time.Time
	all     time.Time // until when nobody asks
	told    *tally    // credentials in a row that were told so
	soonest time.Time // the earliest time that any of those was told
}

func newPauses(now func() time.Time) *pauses {
	return &pauses{now: now, until: map[digest]time.Time{}, told: newTally(5, 4)}
}

// left is how long who has to wait; not more than 0 means not at all.
func (p *pauses) left(who asker) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	end := p.all
	if own := p.until[who.credential]; own.After(end) {
		end = own
	}
	if end.IsZero() {
		return 0
	}
	return end.Sub(p.now())
}

// learn takes in what came of who's question. No answer says nothing.
func (p *pauses) learn(who asker, err error) {
	if _, ok := errors.AsType[*silence](err); ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	later, ok := errors.AsType[*auth.Later](err)
	if !ok {
		p.told.clear()
		return
	}
	p.pause(who, p.now().Add(min(later.After, maxPause)))
}

func (p *pauses) pause(who asker, end time.Time) {
	p.makeRoom()
	p.until[who.credential] = end
	if len(p.told.counted) == 0 || end.Before(p.soonest) {
		p.soonest = end
	}
	p.told.add(who)
	if p.told.full() {
		if p.soonest.After(p.all) {
			p.all = p.soonest
		}
		p.told.clear()
	}
}

// makeRoom forgets the pauses that are over, and some one if none is.
func (p *pauses) makeRoom() {
	if len(p.until) < maxPaused {
		return
	}
	now := p.now()
	var some digest
	for d, end := range p.until {
		if some = d; !end.After(now) {
			delete(p.until, d)
		}
	}
	if len(p.until) >= maxPaused {
		delete(p.until, some)
	}
}

// retryAfter says whether an answer means that one should ask later, and how much later: what its Retry-After
// says (RFC 9110, section 10.2.3) within bounds. A 503 without one that can be read is an ordinary outage.
func retryAfter(status int, header string, now time.Time) (wait time.Duration, ok bool) {
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return 0, false
	}
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil || errors.Is(err, strconv.ErrRange) {
		wait, ok = time.Duration(seconds)*time.Second, true
	} else if at, err := http.ParseTime(header); err == nil {
		wait, ok = at.Sub(now), true
	}
	return min(max(wait, minPause), maxPause), ok || status == http.StatusTooManyRequests
}
