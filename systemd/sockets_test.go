package systemd

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// descriptor is a copy of a socket's, as systemd hands it over.
func descriptor(t *testing.T, socket interface{ File() (*os.File, error) }) *os.File {
	t.Helper()
	f, err := socket.File()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// To close a socket that systemd opened leaves its file, and connections wait there.
func TestASocketOutlivesUs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	theirs, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	list, err := sockets([]*os.File{descriptor(t, theirs)})
	if err != nil || len(list) != 1 || list[0].Addr().String() != path {
		t.Fatal(list, err)
	}
	if err := list[0].Close(); err != nil {
		t.Fatal(err)
	}
	waiting, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("after our end: %v", err)
	}
	_ = waiting.Close()
}

func TestASocketThatTakesNoConnections(t *testing.T) {
	dir := t.TempDir()
	datagrams, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "d"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	packets, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: filepath.Join(dir, "p"), Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	connection, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	plain, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	for says, f := range map[string]*os.File{
		"datagrams": descriptor(t, datagrams), "packets": descriptor(t, packets), "a connection, as Accept=yes gives": descriptor(t, connection), "a file": plain,
	} {
		list, err := sockets([]*os.File{descriptor(t, listener), f})
		if err == nil || list != nil || !strings.Contains(err.Error(), "ListenStream=") {
			t.Errorf("%s: %v %v, want an error", says, list, err)
		}
	}
	if list, err := Sockets(); len(list) != 0 || err != nil {
		t.Errorf("without systemd: %v %v", list, err)
	}
}
