package provider

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"gatehouse/auth"
	"gatehouse/queue"
)

// A spare stands before one remote service. It lets so many questions at once through and leaves the service
// alone while that wants it or does not answer. It belongs to the service, not to a section of config.yaml.
type spare struct {
	env     Env
	most    int // questions under way at once
	queue   *queue.Queue
	pauses  *pauses
	breaker *breaker
	key     [sha256.Size]byte
	longest atomic.Int64 // the most nanoseconds that a question came with
}

// shortestQueue lets a handful wait even where one question at a time is allowed.
const shortestQueue = 32

// newSpare lets most questions at once through, for four times as many to wait.
func newSpare(env Env, most int) *spare {
	s := &spare{
		env: env, most: most, queue: queue.New(most, max(4*most, shortestQueue)),
		pauses: newPauses(env.Now), breaker: newBreaker(env),
	}
	_, _ = rand.Read(s.key[:]) // never fails
	return s
}

// call calls ask when it is the client's turn, and returns its error. ask returns a [silence] where no answer
// came, an [auth.Later] where the answer was to ask later, and nil or anything else for other answers. Where
// ask is not called the error is an [auth.Later], which wraps [auth.ErrUnasked] if the reason is ours.
func (s *spare) call(ctx context.Context, c auth.Credential, ask func(context.Context) error) error {
	who, enough := s.asker(ctx, c), s.enough(ctx)
	if err := s.refusal(who); err != nil {
		return err
	}
	if err := s.enter(ctx, who); err != nil {
		return err
	}
	defer s.queue.Leave()
	if err := s.open(who); err != nil { // by what those before it met with
		return err
	}
	try, wait := s.pauses.begin(who)
	if wait > 0 {
		return s.paused(wait)
	}
	defer s.pauses.end(try)
	called, err := s.breaker.call(who, enough, func() error {
		err := ask(ctx)
		s.pauses.learn(who, try, err)
		return err
	})
	if !called {
		s.env.Metrics.Spared(s.env.Name, "open")
	}
	return err
}

// refusal says why who is not to ask now. It comes before the queue too: nobody waits for that.
func (s *spare) refusal(who asker) error {
	if err := s.open(who); err != nil {
		return err
	}
	if wait := s.pauses.left(who); wait > 0 {
		return s.paused(wait)
	}
	return nil
}

func (s *spare) open(who asker) error {
	err := s.breaker.refusal(who)
	if err != nil {
		s.env.Metrics.Spared(s.env.Name, "open")
	}
	return err
}

func (s *spare) paused(wait time.Duration) error {
	s.env.Metrics.Spared(s.env.Name, "paused")
	return &auth.Later{After: wait, Err: errPaused}
}

var errPaused = errors.New("it said to ask later")

// enter waits for a place among those under way. That there is none is our doing, and no outage of the service.
func (s *spare) enter(ctx context.Context, who asker) error {
	err := s.queue.Enter(ctx, who.client, who.known)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, queue.ErrFull):
		s.env.Metrics.Spared(s.env.Name, "full")
		err = fmt.Errorf("%w: %w: max_concurrent (%d) questions are under way", auth.ErrUnasked, err, s.most)
	default:
		s.env.Metrics.Spared(s.env.Name, "waited")
		err = fmt.Errorf("%w: %w: max_concurrent (%d) questions were under way", auth.ErrUnasked, cause(err), s.most)
	}
	return &auth.Later{After: time.Second, Err: err} // a queue is another one soon
}

// enough is the time that a service must have had before its silence is its own: 1 s, or half of what
// questions come with where that is little. One that waited long, or came late, says nothing of the service.
func (s *spare) enough(ctx context.Context) time.Duration {
	given := int64(2 * time.Second)
	if end, ok := ctx.Deadline(); ok {
		given = int64(end.Sub(s.env.Now()))
	}
	for longest := s.longest.Load(); given > longest; longest = s.longest.Load() {
		if s.longest.CompareAndSwap(longest, given) {
			break
		}
	}
	return min(time.Second, time.Duration(s.longest.Load())/2)
}

// An asker is whose question it is, as far as the sparing needs to know.
type asker struct {
	credential digest
	client     string // its address, or its network where addresses are many; "" if unknown, as if all were one
	known      bool   // as [auth.Client] has it
}

// A digest stands for a credential, which is nowhere kept.
type digest [sha256.Size]byte

func (s *spare) asker(ctx context.Context, c auth.Credential) asker {
	h := hmac.New(sha256.New, s.key[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(c.Username))))
	h.Write([]byte(c.Username))
	h.Write([]byte(c.Secret))
	client := auth.ClientOf(ctx)
	return asker{digest(h.Sum(nil)), clientOf(client.Address), client.Known}
}

// clientOf takes the IPv6 addresses of one /64, which one host has, for one client.
func clientOf(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a.WithZone(""), 64).Masked().String()
}
