package auth

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// A Client is on whose behalf a question is put. It is for fairness among clients and for those who follow a
// request, and never changes an answer. The zero Client is nobody in particular.
type Client struct {
	Address netip.Addr // unmapped; the zero Addr where nobody who is trusted told it
	Known   bool       // a login from Address by the credential's name has succeeded lately
	Trace   Trace      // of the request that began the question
}

type clientKey struct{}

// WithClient returns a context that tells c to whom a question is put.
func WithClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// ClientOf returns the client of a question's context; the zero Client where none is told.
func ClientOf(ctx context.Context) Client {
	c, _ := ctx.Value(clientKey{}).(Client)
	return c
}

// Later says that no decision could be made, and how long it is until another try makes sense.
type Later struct {
	After time.Duration // more than 0
	Err   error
}

func (l *Later) Error() string { return l.Err.Error() }

// Unwrap returns why there was no decision.
func (l *Later) Unwrap() error { return l.Err }

// ErrUnasked says that nobody was asked for a reason of ours, such as a full queue. It is no decision, and no
// outage of the one who would have been asked.
var ErrUnasked = errors.New("not asked")
