// Package audit keeps the record of who logged in and who failed to, in a file of JSON lines.
package audit

import (
	"sync/atomic"
	"time"

	"gatehouse/lines"
)

// Of what waits for the disk.
const (
	room  = 32 << 20 // bytes: some 100,000 lines
	pause = time.Second
	mode  = 0o640
)

// Config says where the record is kept.
type Config struct {
	File string
	Now  func() time.Time
	// Trouble is told once when the file cannot be written, and with nil when it can again. lost is how many
	// lines have found no more room to wait in since the start.
	Trouble func(err error, lost uint64)

	room int // bytes that may wait; 0: room
}

// A Log is the record. Nobody waits for the disk: only lines that find no room to wait for it are lost. It is
// safe for concurrent use. A nil Log records nothing.
type Log struct {
	now     func() time.Time
	trouble func(error, uint64)
	file    *lines.File
	queue   *lines.Queue
	bad     atomic.Bool
	told    uint64 // of the lines that were lost; the queue's goroutine's
}

// Open opens the file to append to, or makes it. Its folder must be there.
func Open(c Config) (*Log, error) {
	file, err := lines.OpenFile(c.File, mode)
	if err != nil {
		return nil, err
	}
	l := &Log{now: c.Now, trouble: c.Trouble, file: file}
	if c.room == 0 {
		c.room = room
	}
	l.queue = lines.New(lines.Config{Out: file, Room: c.room, Pause: pause, Trouble: l.turn})
	return l, nil
}

// Login records what came of a login.
func (l *Log) Login(login Login) {
	if l != nil {
		l.write(record{Event: "login", Login: login})
	}
}

// Reload records that config.yaml was read again: its result, and why.
func (l *Log) Reload(result, reason string) {
	if l != nil {
		l.write(record{Event: "reload", Login: Login{Result: result, Reason: reason}})
	}
}

// Start records that gatehouse answers from now on.
func (l *Log) Start(version string) {
	if l != nil {
		l.write(record{Event: "start", Version: version})
	}
}

// Stop records that gatehouse has ended, and why if that was not asked for.
func (l *Log) Stop(reason string) {
	if l != nil {
		l.write(record{Event: "stop", Login: Login{Reason: reason}})
	}
}

// Reopen goes on in a new file by the same name, soon: somebody has renamed the old one.
func (l *Log) Reopen() {
	l.file.Reopen()
	l.queue.Touch()
}

// Lost is how many lines found no room to wait in.
func (l *Log) Lost() uint64 { return l.queue.Counts().Lost }

// Bad reports whether the file cannot be written.
func (l *Log) Bad() bool { return l.bad.Load() }

// Close writes what waits, for as long as limit, and returns how many bytes it could not. The file is closed if
// nothing more is written to it.
func (l *Log) Close(limit time.Duration) (left int) {
	if left = l.queue.Close(limit); left == 0 {
		_ = l.file.Close()
	}
	return left
}

// turn is called by the queue when trouble begins and when it ends.
func (l *Log) turn(err error) {
	l.bad.Store(err != nil)
	lost := l.Lost()
	if err == nil && lost > l.told {
		l.write(record{Event: "lost", Lines: lost - l.told})
		l.told = lost
	}
	l.trouble(err, lost)
}
