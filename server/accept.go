package server

import (
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// The pauses of a listener that cannot accept. Connections wait in the kernel meanwhile.
const (
	acceptPause    = 5 * time.Millisecond
	maxAcceptPause = 200 * time.Millisecond
	acceptReminder = 10 * time.Second
)

// A patient listener outlives a lack of file descriptors or of memory: fasthttp would stop serving at the first
// error that is no timeout. One goroutine accepts.
type patient struct {
	net.Listener
	log   zerolog.Logger
	told  time.Time // when the log last said that nothing can be accepted
	short bool      // whether it has not said since that something can
}

// Accept waits for a connection, however long there is no room for one.
func (l *patient) Accept() (net.Conn, error) {
	for pause := acceptPause; ; pause = min(2*pause, maxAcceptPause) {
		conn, err := l.Listener.Accept()
		if !isShortage(err) {
			if err == nil && l.short {
				l.short = false
				l.log.Info().Str("address", l.Addr().String()).Msg("connections are accepted again")
			}
			return conn, err
		}
		if time.Since(l.told) >= acceptReminder {
			l.told, l.short = time.Now(), true
			l.log.Error().Err(err).Str("address", l.Addr().String()).Msg("no connection can be accepted: is the limit of open files (LimitNOFILE, ulimit -n) too low?")
		}
		time.Sleep(pause)
	}
}

// isShortage reports whether accept(2) may work again by itself.
func isShortage(err error) bool {
	for _, lack := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, lack) {
			return true
		}
	}
	return false
}
