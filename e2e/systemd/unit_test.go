package systemd_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gatehouse/e2e/rig"
)

// maxExposure is what `systemd-analyze security` may say of the unit: 0 is closed, 10 open.
const maxExposure = 2.0

func TestUnits(t *testing.T) {
	analyze := need(t, "systemd-analyze", "systemd")
	dir := rig.Folder(t)
	service, socket := filepath.Join(dir, "gatehouse.service"), filepath.Join(dir, "gatehouse.socket")
	rig.Write(t, service, strings.ReplaceAll(unit(t, "gatehouse.service"), "/usr/bin/gatehouse", gatehouse))
	rig.Write(t, socket, unit(t, "gatehouse.socket"))
	if out, err := exec.Command(analyze, "verify", "--man=no", service, socket).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.Command(analyze, "security", "--offline=yes", service).CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	told := regexp.MustCompile(`Overall exposure level for gatehouse.service: ([0-9.]+)`).FindSubmatch(out)
	if told == nil {
		t.Fatalf("no number in:\n%s", out)
	}
	if exposure, err := strconv.ParseFloat(string(told[1]), 64); err != nil || exposure > maxExposure {
		t.Errorf("exposure %s, want at most %.1f\n%s", told[1], maxExposure, out)
	}
}

// What holds only together: the folder of the socket outlives the service and has the same owner from the start,
// and the socket is nginx's to write to and gatehouse's to ask itself.
func TestTheSocketOutlivesTheService(t *testing.T) {
	service, socket, tmpfiles := unit(t, "gatehouse.service"), unit(t, "gatehouse.socket"), unit(t, "gatehouse.tmpfiles")
	for _, row := range []struct{ text, key, want string }{
		{service, "RuntimeDirectory", "gatehouse"},
		{service, "RuntimeDirectoryPreserve", "yes"},
		{service, "User", "gatehouse"},
		{service, "Group", "gatehouse"},
		{service, "ExecReload", "/bin/kill -HUP $MAINPID"},
		{service, "ConfigurationDirectory", "gatehouse"},
		{service, "StateDirectory", "gatehouse"},
		{service, "StateDirectoryMode", "0700"},
		{service, "LogsDirectory", "gatehouse"},
		{service, "UMask", "0077"},
		{service, "InaccessiblePaths", ""},
		{service, "Type", "notify"},
		{service, "WatchdogSec", "30"},
		{socket, "ListenStream", "/run/gatehouse/gatehouse.sock"},
		{socket, "SocketUser", "gatehouse"},
		{socket, "SocketGroup", "www-data"},
		{socket, "SocketMode", "0660"},
	} {
		want := []string{row.want}
		if row.want == "" {
			want = nil
		}
		if got := settings(row.text, row.key); !slices.Equal(got, want) {
			t.Errorf("%s=%q, want %s", row.key, got, row.want)
		}
	}
	if !strings.Contains(tmpfiles, "\nd /run/gatehouse 0755 gatehouse gatehouse -\n") {
		t.Errorf("gatehouse.tmpfiles makes no /run/gatehouse before the socket:\n%s", tmpfiles)
	}
}
