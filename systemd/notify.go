// Package systemd is how gatehouse talks with the service manager that started it: it tells what state the
// service is in (sd_notify(3)) and takes the sockets that were opened for it (sd_listen_fds(3)). Where no
// service manager listens, nothing is told. Knows nothing of ours.
package systemd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Ready tells that the service answers, at its start and after each reload. status is what systemctl status shows.
func Ready(status string) error { return tell(daemon.SdNotifyReady, status) }

// Reloading tells that the configuration is read anew. Ready is to follow, whatever comes of it.
func Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("systemd: read the clock: %w", err)
	}
	// Type=notify-reload ignores the message without its time.
	return tell(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000), "reading the configuration")
}

// Stopping tells that the service ends by itself or was told to.
func Stopping(status string) error { return tell(daemon.SdNotifyStopping, status) }

// Watch pings systemd's watchdog, twice in the time it allows, whenever answers returns no error, until ctx
// ends. Pings that stay away have systemd restart the service. The context of answers ends before the next ping
// is due. Without a watchdog it returns at once.
func Watch(ctx context.Context, answers func(context.Context) error) error {
	allowed, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("systemd: %w", err)
	}
	if allowed == 0 {
		return nil
	}
	tick := time.NewTicker(allowed / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		asked, cancel := context.WithTimeout(ctx, allowed/4)
		err := answers(asked)
		cancel()
		if err != nil {
			continue
		}
		if err := send(daemon.SdNotifyWatchdog); err != nil {
			return err
		}
	}
}

func tell(state, status string) error {
	return send(state + "\nSTATUS=" + strings.ReplaceAll(status, "\n", " ")) // a line is a statement of its own
}

func send(message string) error {
	if _, err := daemon.SdNotify(false, message); err != nil {
		return fmt.Errorf("systemd: notify: %w", err)
	}
	return nil
}
