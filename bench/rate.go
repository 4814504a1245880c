package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// askers is how many questions of [bench.steady] may be under way at once.
const askers = 64

// patience is how long a client waits for an answer at most.
const patience = 15 * time.Second

// Times are how long answers took. One that never came counts as [patience].
type times struct {
	took []time.Duration
	lost int // of them, answers that were no yes
}

// steady asks perSecond times a second for so long, and does not slow down where answers do: each is timed
// from the moment that its question was due. ask is given the question's number.
func (b *bench) steady(perSecond int, long time.Duration, ask func(ctx context.Context, n int) error) times {
	total := int(long.Seconds() * float64(perSecond))
	t := times{took: make([]time.Duration, total)}
	begin := time.Now()
	ctx, cancel := context.WithDeadline(b.ctx, begin.Add(long+patience))
	defer cancel()
	var next, lost atomic.Int64
	var all sync.WaitGroup
	for range askers {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < total && b.ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				due := begin.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
				time.Sleep(time.Until(due))
				err := ask(ctx, n)
				t.took[n] = time.Since(due)
				if err != nil {
					lost.Add(1)
					t.took[n] = max(t.took[n], patience)
				}
			}
		})
	}
	all.Wait()
	t.lost = int(lost.Load())
	return t
}

// latency keeps the raw numbers of t and returns its p99 in milliseconds.
func (b *bench) latency(what string, t times) float64 {
	ms := milliseconds(p99(t.took))
	list := make([]float64, len(t.took))
	for i, d := range t.took {
		list[i] = milliseconds(d)
	}
	b.note(what, map[string]any{"p50_ms": median(list), "p99_ms": ms, "max_ms": quantile(list, 1), "asked": len(list), "lost": t.lost})
	return ms
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// A client asks for yeses over connections that it keeps.
type client struct{ *http.Client }

// newClient asks from an address of this machine, over at most so many connections.
func (b *bench) newClient(from string, connections int) client {
	dial := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	t := &http.Transport{
		DialContext: dial.DialContext, MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections,
		DisableCompression: true,
	}
	b.onStop(t.CloseIdleConnections)
	return client{&http.Client{Transport: t, Timeout: patience}}
}

// answer asks once.
func (c client) answer(ctx context.Context, url, authorization string) (int, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", authorization)
	r, err := c.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	_, err = io.Copy(io.Discard, r.Body)
	return r.StatusCode, r.Header, err
}

// status is answer without the headers.
func (c client) status(ctx context.Context, url, authorization string) (int, error) {
	status, _, err := c.answer(ctx, url, authorization)
	return status, err
}

// yes asks once, and reports whatever is not 200.
func (c client) yes(ctx context.Context, url, authorization string) error {
	status, err := c.status(ctx, url, authorization)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s answers %d", url, status)
	}
	return err
}

// basic is a Basic credential as it stands in Authorization.
func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}
