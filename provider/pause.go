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
	// minPause is for a service that says 429 and no time that makes sense, and between the tries of a pause.
	minPause = time.Second
	// maxPause is the longest that a service can keep anybody away.
	maxPause = time.Minute
	// maxPaused is how many credentials can be kept away each by itself.
	maxPaused = 1000
)

// pauses keeps away whom a service told to ask later: the credential that it told so, and everybody once it
// told 20 credentials in a row, since it may mean one key, or us. Of one client ten count, and none that was
// told so lately by itself; and one question at a time tries whether everybody is meant. So nobody with keys
// that are over their limit keeps away all others.
type pauses struct {
	now func() time.Time

	mu      sync.Mutex // guards all below
	until   map[digest]time.Time
	all     time.Time // until when nobody asks but for one who tries
	next    time.Time // when one may try
	trying  bool
	told    *tally    // credentials in a row that were told so
	soonest time.Time // the earliest time that any of those was told
}

func newPauses(now func() time.Time) *pauses {
	return &pauses{now: now, until: map[digest]time.Time{}, told: newTally(20, 10)}
}

// left is how long who has to wait; not more than 0 means not at all.
func (p *pauses) left(who asker) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait, _ := p.wait(who)
	return wait
}

// begin is left for a question that is put at once if it does not have to wait. try tells that it is the one
// that tries; each begin without a wait is followed by one end.
func (p *pauses) begin(who asker) (try bool, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait, try = p.wait(who)
	p.trying = p.trying || try
	return try, wait
}

func (p *pauses) end(try bool) {
	if !try {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trying, p.next = false, p.now().Add(minPause)
}

func (p *pauses) wait(who asker) (wait time.Duration, try bool) {
	now := p.now()
	own, all := p.until[who.credential].Sub(now), p.all.Sub(now)
	if own <= 0 && all > 0 && !p.trying && !now.Before(p.next) {
		return 0, true
	}
	return max(own, all), false
}

// learn takes in what came of who's question. No answer says nothing, and that of one who tries ends the pause
// unless it is to ask later.
func (p *pauses) learn(who asker, try bool, err error) {
	if _, ok := errors.AsType[*silence](err); ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if later, ok := errors.AsType[*auth.Later](err); ok {
		p.pause(who, min(later.After, maxPause))
		return
	}
	p.told.clear()
	if try {
		p.all = time.Time{}
	}
}

func (p *pauses) pause(who asker, wait time.Duration) {
	now := p.now()
	end, lately := now.Add(wait), now.Sub(p.until[who.credential]) < maxPause
	p.makeRoom()
	p.until[who.credential] = end
	if lately || p.all.After(now) {
		return
	}
	if len(p.told.counted) == 0 || end.Before(p.soonest) {
		p.soonest = end
	}
	p.told.add(who)
	if p.told.full() {
		p.all, p.next = p.soonest, now.Add(minPause)
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
