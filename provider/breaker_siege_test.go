package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/auth"
)

// unlessJunk answers yes, and in another way to keys with junk in them.
func unlessJunk(junk roundTrip) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.Header.Get("Authorization"), "junk") {
			return junk(r)
		}
		return yes(r)
	}
}

func TestTwoClientsCannotKeepTheBreakerOpen(t *testing.T) {
	two := [2]string{"192.0.2.66", "192.0.2.67"}
	for _, c := range []struct {
		name    string
		junk    roundTrip
		from    [2]string
		opens   bool
		refused int // good questions of 100, at most
	}{
		{"who are hung up on", failing(io.EOF), two, false, 0},
		{"whose connections are reset", failing(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), two, false, 0},
		{"whose writes break", failing(&net.OpError{Op: "write", Err: syscall.EPIPE}), two, false, 0},
		{"who get an alert of TLS", failing(&net.OpError{Op: "remote error", Err: errors.New("alert")}), two, false, 0},
		{"who get no answer", hangs, two, true, 2},
		{"who get no connection", refused, two, true, 2},
		{"who get no answer, one of unknown address", hangs, [2]string{"", "192.0.2.66"}, true, 2},
		{"who get no answer, both of unknown address", hangs, [2]string{}, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inABubble(t, func(s *service) {
				s.answer = unlessJunk(c.junk)
				for i := range 20 {
					_ = s.ask(c.from[i%2], fmt.Sprint("junk ", i))
				}
				if s.isOpen() != c.opens {
					t.Fatalf("open: %t", s.isOpen())
				}
				turnedAway := 0
				for i := range 100 {
					time.Sleep(openFor + 1)
					_ = s.ask(c.from[i%2], fmt.Sprint("more junk ", i))
					if err := s.ask("192.0.2.1", "good"); err != nil {
						turnedAway++
					}
				}
				if turnedAway > c.refused || s.isOpen() {
					t.Errorf("%d of 100 good questions are refused, open: %t", turnedAway, s.isOpen())
				}
			})
		})
	}
}

// Where no address is known, one client may be all of them.
func TestUnknownClientsAloneDoNotOpenTheBreaker(t *testing.T) {
	inABubble(t, func(s *service) {
		s.answer = refused
		for i := range 100 {
			_ = s.ask("", fmt.Sprint(i))
		}
		if s.isOpen() || s.asked.Load() != 100 {
			t.Errorf("open: %t, asked: %d", s.isOpen(), s.asked.Load())
		}
	})
}

func (s *service) askKnown(address, key string) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
	defer cancel()
	_, err := s.a.Authenticate(auth.WithClient(ctx, auth.Client{Address: netip.MustParseAddr(address), Known: true}), bearer(key))
	return err
}

// Whoever has addresses without end is there first whenever strangers may try.
func TestAKnownClientTriesTheBreakerFirst(t *testing.T) {
	inABubble(t, func(s *service) {
		s.fails(20, refused)
		s.answer = unlessJunk(refused)
		for i := range 3 {
			time.Sleep(openFor + 1)
			_ = s.ask(fmt.Sprintf("198.51.100.%d", i), fmt.Sprint("junk ", i))
		}
		wantLater(t, s.askKnown("192.0.2.1", "good"), openFor-knownFirst)
		time.Sleep(openFor - knownFirst + 1)
		wantLater(t, s.ask("198.51.100.99", "junk"), knownFirst-1)
		if err := s.askKnown("192.0.2.1", "good"); err != nil || s.isOpen() {
			t.Errorf("got %v, open: %t", err, s.isOpen())
		}
		if err := s.ask("203.0.113.1", "good too"); err != nil {
			t.Errorf("a stranger after closing: %v", err)
		}
	})
}

func TestAKnownClientWhoseTryFailedIsNotFirst(t *testing.T) {
	inABubble(t, func(s *service) {
		s.fails(20, refused)
		time.Sleep(openFor)
		s.answer = refused
		_ = s.askKnown("192.0.2.66", "junk")
		s.answer = yes
		time.Sleep(openFor)
		wantLater(t, s.askKnown("192.0.2.66", "junk"), openFor)
		if err := s.ask("192.0.2.1", "good"); err != nil || s.isOpen() {
			t.Errorf("got %v, open: %t", err, s.isOpen())
		}
	})
}

func TestTheClientsThatABreakerBlamesAreBounded(t *testing.T) {
	inABubble(t, func(s *service) {
		s.fails(20, refused)
		s.answer = refused
		for i := range 2 * maxBlamed {
			time.Sleep(openFor + 1)
			_ = s.ask(fmt.Sprintf("198.51.100.%d", i), fmt.Sprint("junk ", i))
		}
		b := s.a.(*httpService).spare.breaker
		oldest, newest := fmt.Sprintf("198.51.100.%d", maxBlamed), fmt.Sprintf("198.51.100.%d", 2*maxBlamed-1)
		if len(b.blamed) != maxBlamed || b.blamed[0] != oldest || b.blamed[maxBlamed-1] != newest {
			t.Errorf("%d are blamed: %v", len(b.blamed), b.blamed)
		}
	})
}

// Else a client who tries again and again would have the others who are blamed forgotten.
func TestAClientIsBlamedOnceForItsTriesOfABreaker(t *testing.T) {
	inABubble(t, func(s *service) {
		s.fails(20, refused)
		s.answer = refused
		for i := range 4 {
			time.Sleep(2 * openFor)
			_ = s.ask(fmt.Sprintf("192.0.2.%d", i/3), fmt.Sprint("junk ", i))
		}
		if b := s.a.(*httpService).spare.breaker; fmt.Sprint(b.blamed) != "[192.0.2.0 192.0.2.1]" {
			t.Errorf("blamed are %v", b.blamed)
		}
	})
}

func TestABreakerThatOpensAgainBlamesNobody(t *testing.T) {
	inABubble(t, func(s *service) {
		s.fails(20, refused)
		time.Sleep(openFor)
		s.answer = refused
		_ = s.ask("192.0.2.66", "junk")
		time.Sleep(openFor)
		s.answer = yes
		_ = s.ask("192.0.2.1", "good")
		s.fails(20, refused)
		time.Sleep(openFor)
		if err := s.ask("192.0.2.66", "good"); err != nil || s.isOpen() {
			t.Errorf("got %v, open: %t", err, s.isOpen())
		}
	})
}
