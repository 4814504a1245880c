package docker_test

import (
	"bufio"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// files is a copy of docker/ with the files in it that the README's commands make.
func files(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(work, "docker")
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "docker"))); err != nil {
		t.Fatal(err)
	}
	// What somebody tries out here is not ours.
	if err := os.RemoveAll(filepath.Join(dir, "users")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "jwt.secret")); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "docker/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?s)git and the image leave them out\.\n\n(.*?)\n\n`).FindStringSubmatch(string(readme))
	if block == nil {
		t.Fatal("README.md does not say how to make the files")
	}
	script := strings.NewReplacer("sudo ", "", "docker run --rm -i gatehouse", filepath.Join(built, "gatehouse")).Replace(block[1])
	cmd := exec.CommandContext(t.Context(), "bash", "-euc", "umask 077\n"+script)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader("wonderland\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// mount puts into i what compose.yaml mounts: files of the folder from, the secret, and volumes.
func (i image) mount(t *testing.T, s types.ServiceConfig, from string) {
	t.Helper()
	here, err := filepath.Abs(filepath.Join(root, "docker"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range s.Volumes {
		to := filepath.Join(i.dir, v.Target)
		switch {
		case v.Type == types.VolumeTypeBind:
			name, err := filepath.Rel(here, v.Source)
			if err != nil {
				t.Fatal(err)
			}
			place(t, filepath.Join(from, name), to)
		case v.Source == "socket":
			socketFolder(t, compose(t).Volumes["socket"].DriverOpts["o"], to)
		}
	}
	for _, secret := range s.Secrets {
		file := filepath.Base(compose(t).Secrets[secret.Source].File)
		place(t, filepath.Join(from, file), filepath.Join(i.dir, "run/secrets", secret.Source))
	}
}

// place copies a file or a folder with owners and modes, as a mount shows them.
func place(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// socketFolder makes a folder as a tmpfs with the options is.
func socketFolder(t *testing.T, options, path string) {
	t.Helper()
	value := map[string]int64{}
	for option := range strings.SplitSeq(options, ",") {
		name, text, _ := strings.Cut(option, "=")
		base := 10
		if name == "mode" {
			base = 8
		}
		value[name], _ = strconv.ParseInt(text, base, 32)
	}
	mode := fs.FileMode(value["mode"] & 0o777)
	if value["mode"]&0o2000 != 0 {
		mode |= fs.ModeSetgid
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, int(value["uid"]), int(value["gid"])); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// command runs in the image as a container does: in its root, as its user, with its environment.
func (i image) command(words []string, environ ...string) *exec.Cmd {
	return &exec.Cmd{
		Path: words[0], Args: words, Dir: "/",
		Env: append(append([]string{}, i.environ...), environ...),
		SysProcAttr: &syscall.SysProcAttr{
			Chroot: i.dir, Credential: &syscall.Credential{Uid: i.uid, Gid: i.gid}, Pdeathsig: syscall.SIGKILL,
		},
	}
}

// start runs cmd until t ends, and returns once a line that it prints matches; it returns the match.
func start(t *testing.T, cmd *exec.Cmd, line string) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	_ = write.Close()
	if err != nil {
		t.Fatal(err)
	}
	found, ended := make(chan string, 1), make(chan string, 1)
	go func() {
		said, wanted := "", regexp.MustCompile(line)
		for lines := bufio.NewScanner(read); lines.Scan(); {
			said += lines.Text() + "\n"
			if m := wanted.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case found <- m[len(m)-1]:
				default:
				}
			}
		}
		ended <- said
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("%s: %v\n%s", cmd.Path, err, <-ended)
		}
		late.Stop()
		_ = read.Close()
	})
	select {
	case m := <-found:
		return m
	case said := <-ended:
		ended <- said
		t.Fatalf("%s ended: %s", cmd.Path, said)
	case <-time.After(20 * time.Second):
		t.Fatalf("%s does not say %s", cmd.Path, line)
	}
	return ""
}

// onLoopback keeps gatehouse's metrics off this machine's other addresses.
var onLoopback = []string{"GATEHOUSE_METRICS__HOST=127.0.0.1", "GATEHOUSE_METRICS__PORT=0"}

func TestLoginThroughAllThree(t *testing.T) {
	needRoot(t)
	from := files(t)
	gatehouse := newImage(t, final(t), "gatehouse")
	gatehouse.mount(t, service(t, "gatehouse"), from)

	check := gatehouse.command(append(gatehouse.entrypoint, "check", "--strict"))
	if out, err := check.CombinedOutput(); err != nil {
		t.Fatalf("check: %v\n%s", err, out)
	}
	start(t, gatehouse.command(gatehouse.entrypoint, onLoopback...), `gatehouse\.sock.*listening`)
	if out, err := gatehouse.command(gatehouse.healthcheck).CombinedOutput(); err != nil {
		t.Errorf("health: %v\n%s", err, out)
	}
	socketIsClosed(t, gatehouse)

	api := newImage(t, target(t, "api"), "api")
	api.mount(t, service(t, "api"), from)
	var environ []string
	for name, value := range service(t, "api").Environment {
		if name != "LISTEN" {
			environ = append(environ, name+"="+*value)
		}
	}
	address := start(t, api.command(api.entrypoint, append(environ, "LISTEN=127.0.0.1:0")...), `listening on (\S+)`)

	front := startNginx(t, address, filepath.Join(gatehouse.dir, "run/gatehouse"))
	for _, row := range []struct {
		says, password string
		headers        http.Header
		status         int
		body           string
	}{
		{"nobody", "", nil, 401, ""},
		{"a name alone", "", http.Header{"X-Auth-Username": {"alice"}}, 401, ""},
		{"a wrong password", "lookingglass", nil, 401, ""},
		{"alice", "wonderland", nil, 200, `{"username":"alice","realm":"local","roles":[]}`},
		{"alice as another", "wonderland", http.Header{"X-Auth-Username": {"root"}}, 200, `{"username":"alice","realm":"local","roles":[]}`},
	} {
		status, body := ask(t, front, row.password, row.headers)
		if status != row.status || row.body != "" && strings.TrimSpace(body) != row.body {
			t.Errorf("%s: %d %s, want %d %s", row.says, status, body, row.status, row.body)
		}
	}
}

// socketIsClosed looks at the socket as nginx's user and as another user.
func socketIsClosed(t *testing.T, gatehouse image) {
	t.Helper()
	info, err := os.Stat(filepath.Join(gatehouse.dir, "run/gatehouse/gatehouse.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != 0o660 || owner.Uid != 65532 || owner.Gid != 101 {
		t.Errorf("the socket is %v of %d:%d", info.Mode(), owner.Uid, owner.Gid)
	}
	for id, may := range map[uint32]bool{101: true, 102: false} {
		dial := exec.CommandContext(t.Context(), "curl", "-sf", "--unix-socket",
			filepath.Join(gatehouse.dir, "run/gatehouse/gatehouse.sock"), "http://gatehouse/health")
		dial.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
		if out, err := dial.CombinedOutput(); (err == nil) != may {
			t.Errorf("user %d: %v %s", id, err, out)
		}
	}
}
