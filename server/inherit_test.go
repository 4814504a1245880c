package server

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What systemd opened takes the place of what the section names, and of nothing else.
func TestListenOnWhatWasOpenedForUs(t *testing.T) {
	dir := t.TempDir()
	socket, other := filepath.Join(dir, "s"), filepath.Join(dir, "other")
	if err := os.Symlink(socket, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	unix, elsewhere, tcp := opened(t, "unix", socket), opened(t, "unix", other), opened(t, "tcp", "127.0.0.1:0")
	everywhere := opened(t, "tcp", "0.0.0.0:0")
	free, port := 0, tcp.Addr().(*net.TCPAddr).Port
	wide := everywhere.Addr().(*net.TCPAddr).Port
	for says, row := range map[string]struct {
		config Config
		opened []net.Listener
		want   int    // listeners, each of opened in front
		fault  string // "" is none
	}{
		"the socket":                             {Config{Socket: socket}, []net.Listener{unix}, 1, ""},
		"the socket under another of its names":  {Config{Socket: filepath.Join(dir, "link")}, []net.Listener{unix}, 1, ""},
		"the port":                               {Config{Host: "127.0.0.1", Port: &port}, []net.Listener{tcp}, 1, ""},
		"the port of a name":                     {Config{Host: "localhost", Port: &port}, []net.Listener{tcp}, 1, ""},
		"any port":                               {Config{Host: "127.0.0.1", Port: &free}, []net.Listener{tcp}, 1, ""},
		"every address":                          {Config{Host: "::", Port: &wide}, []net.Listener{everywhere}, 1, ""},
		"every address, unsaid":                  {Config{Port: &wide}, []net.Listener{everywhere}, 1, ""},
		"both":                                   {Config{Host: "127.0.0.1", Port: &port, Socket: socket}, []net.Listener{unix, tcp}, 2, ""},
		"the port, beside a socket of our own":   {Config{Host: "127.0.0.1", Port: &port, Socket: filepath.Join(dir, "own")}, []net.Listener{tcp}, 2, ""},
		"the socket, beside a port of our own":   {Config{Host: "127.0.0.1", Port: &free, Socket: socket}, []net.Listener{unix}, 2, ""},
		"another socket":                         {Config{Socket: socket}, []net.Listener{elsewhere}, 0, "server.socket: systemd opened " + other + ", and the configuration names " + socket},
		"a second socket":                        {Config{Socket: socket}, []net.Listener{unix, unix}, 0, "server.socket: "},
		"a socket where only a port is named":    {Config{Host: "127.0.0.1", Port: &port}, []net.Listener{unix}, 0, "names none"},
		"a port where only a socket is named":    {Config{Socket: socket}, []net.Listener{tcp}, 0, "names none"},
		"another port":                           {Config{Host: "127.0.0.1"}, []net.Listener{tcp}, 0, "names 127.0.0.1:8080"},
		"a second port":                          {Config{Host: "127.0.0.1", Port: &port}, []net.Listener{tcp, tcp}, 0, "server.port: "},
		"every address where one is named":       {Config{Host: "127.0.0.1", Port: &wide}, []net.Listener{everywhere}, 0, "server.port: "},
		"one address where every is named":       {Config{Host: "0.0.0.0", Port: &port}, []net.Listener{tcp}, 0, "server.port: "},
		"one address where none, so all, is set": {Config{Port: &port}, []net.Listener{tcp}, 0, "server.port: "},
	} {
		list, err := row.config.Listen(row.opened...)
		if (err == nil) != (row.fault == "") || err != nil && !strings.Contains(err.Error(), row.fault) || len(list) != row.want {
			t.Errorf("%s: %v, %v; want %d, %q", says, list, err, row.want, row.fault)
		}
		for _, l := range list {
			found := false
			for _, o := range row.opened {
				found = found || o == l
			}
			if !found {
				_ = l.Close()
			}
		}
		if err == nil && len(list) == len(row.opened) {
			for i := range list {
				if list[i] != row.opened[i] {
					t.Errorf("%s: listens on %v, not on what was opened", says, list[i].Addr())
				}
			}
		}
	}
}

func opened(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}
