package directory

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/auth"
)

// listen accepts connections and leaves them alone.
func listen(t *testing.T) *Service {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return New(Config{URI: "ldap://" + l.Addr().String()}, nil)
}

func TestSoMuchIsReadOfOneConnection(t *testing.T) {
	conn, err := listen(t).Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if b, ok := conn.raw.(*bounded); !ok || b.rest != maxRead {
		t.Errorf("reads of %T", conn.raw)
	}
	one, other := net.Pipe()
	defer one.Close()
	go func() { _, _ = io.Copy(other, strings.NewReader(strings.Repeat("x", 100))); _ = other.Close() }()
	if got, err := io.ReadAll(&bounded{Conn: one, rest: 10}); len(got) != 10 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

func TestAQuestionEndsWithItsContext(t *testing.T) {
	for want, limit := range map[error]time.Duration{ErrSilent: 50 * time.Millisecond, context.Canceled: 0} {
		ctx, cancel := context.WithCancel(t.Context())
		if limit > 0 {
			ctx, cancel = context.WithTimeout(t.Context(), limit)
		}
		conn, err := listen(t).Dial(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if limit == 0 {
			time.AfterFunc(20*time.Millisecond, cancel)
		}
		if err := conn.Bind("cn=a", "secret"); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		conn.Close()
		cancel()
	}
}

func TestNobodyIsLoggedInWithoutAPassword(t *testing.T) {
	conn, err := listen(t).Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, c := range [][2]string{{"cn=a", ""}, {"", "secret"}, {"", ""}} {
		if err := conn.Bind(c[0], auth.Secret(c[1])); err == nil || errors.Is(err, ErrBroken) {
			t.Errorf("%q: got %v", c, err)
		}
	}
}
