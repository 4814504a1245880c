package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatehouse/auth"
)

// A Service is one directory, and what is known of it from one question to the next. It is safe for concurrent use.
type Service struct {
	Config
	own own
}

// New returns the directory of a section that has passed its checks. refused, unless it is nil, is called when the
// directory begins to refuse gatehouse's own login.
func New(c Config, refused func(error)) *Service {
	if refused == nil {
		refused = func(error) {}
	}
	return &Service{Config: c, own: own{refused: refused, turn: make(chan struct{}, 1)}}
}

const (
	// leastHold is how long gatehouse's own login is left alone once it was refused. It doubles with each refusal in a
	// row, up to mostHold: directories lock an account that is tried ten times within half an hour or so.
	leastHold = 10 * time.Second
	mostHold  = 10 * time.Minute
)

// own is gatehouse's own login in a directory. Whoever sends names and passwords makes gatehouse log in; where its
// password is wrong that must lock no account.
type own struct {
	refused func(error)
	turn    chan struct{} // held by the one who tries a login that may be wrong
	mu      sync.Mutex    // guards all below
	right   bool          // it was taken when it was tried last
	row     int           // refusals, one after the other
	until   time.Time     // it is not tried before
}

// login tries bind, or says why not: [auth.Later].
func (o *own) login(ctx context.Context, bind func() error) error {
	leave, err := o.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	err = bind()
	result, answered := errors.AsType[*Result](err)
	switch {
	case err == nil:
		o.taken()
	case answered:
		err = &ownLogin{result}
		if result.Denies() {
			o.deny(err)
		}
	}
	return err
}

// enter lets everybody try what was right the last time, else one at a time.
func (o *own) enter(ctx context.Context) (leave func(), err error) {
	if right, _ := o.state(); right {
		return func() {}, nil
	}
	select {
	case o.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ended(ctx)
	}
	leave = func() { <-o.turn }
	right, wait := o.state()
	switch {
	case right: // it has turned out to be
		leave()
		return func() {}, nil
	case wait > 0:
		leave()
		return nil, &auth.Later{After: wait, Err: errRefused}
	}
	return leave, nil
}

var errRefused = errors.New("the login of bind_dn was refused: it is left alone for a while, or the account could be locked")

func (o *own) state() (right bool, wait time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.right, time.Until(o.until)
}

func (o *own) taken() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.right, o.row, o.until = true, 0, time.Time{}
}

func (o *own) deny(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if o.right = false; now.Before(o.until) { // it was under way when another was refused
		return
	}
	if o.row == 0 {
		o.refused(fmt.Errorf("%w; it is tried again after %s, and each time twice as long, up to %s", err, leastHold, mostHold))
	}
	o.until = now.Add(min(leastHold<<min(o.row, 10), mostHold))
	o.row++
}

// Login logs in as whom gatehouse searches. Its error is never a [Result]: it says nothing of any user.
func (c *Conn) Login() error {
	if c.service.BindDN == "" {
		return nil
	}
	return c.service.own.login(c.ctx, func() error { return c.Bind(c.service.BindDN, c.service.Password) })
}

// ownLogin wraps nothing, so that nobody takes it for the user's.
type ownLogin struct{ result *Result }

func (o *ownLogin) Error() string { return "the login of bind_dn: " + o.result.Error() }
