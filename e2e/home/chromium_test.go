package home_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// A browser is one page of a headless Chromium, spoken to by the DevTools protocol over its pipe. It is for one
// goroutine, and reaches nothing but this machine.
type browser struct {
	t       *testing.T
	to      *os.File
	from    chan message
	session string
	printed *rig.Output
	last    int
	events  []message // what the page told since the last visit
}

// A message is one of the protocol, of either direction.
type message struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// open starts a browser that ends with t.
func open(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no Chromium: apt-get install chromium")
	}
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	folder, printed := rig.Folder(t), new(rig.Output)
	cmd := exec.Command(program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--user-data-dir="+filepath.Join(folder, "profile"), "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+folder, "XDG_CONFIG_HOME="+folder, "XDG_CACHE_HOME="+folder)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = printed, printed, []*os.File{in, out}
	cmd.SysProcAttr, cmd.WaitDelay = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}, 5*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = in.Close(), out.Close()
	b := &browser{t: t, to: to, from: make(chan message), printed: printed}
	go b.read(from)
	t.Cleanup(func() {
		_ = to.Close() // it ends when nobody can speak to it
		dead := time.AfterFunc(10*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		for range b.from { // until its end of the pipe is closed
		}
		_ = cmd.Wait()
		dead.Stop()
	})
	b.attach()
	return b
}

// read hands on what the browser says, until it ends.
func (b *browser) read(from *os.File) {
	defer from.Close()
	defer close(b.from)
	for lines := bufio.NewReader(from); ; {
		text, err := lines.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m) == nil {
			b.from <- m
		}
	}
}

// attach makes the page that is looked at.
func (b *browser) attach() {
	var target struct {
		ID      string `json:"targetId"`
		Session string `json:"sessionId"`
	}
	b.ask("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	b.ask("Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &target)
	b.session = target.Session
	for _, domain := range []string{"Page", "Log", "Runtime", "Network", "Audits"} {
		b.ask(domain+".enable", nil, nil)
	}
}

// ask calls a method of the protocol and waits for its result.
func (b *browser) ask(method string, params, result any) {
	b.t.Helper()
	b.last++
	m := message{ID: b.last, SessionID: b.session, Method: method}
	if params != nil {
		m.Params, _ = json.Marshal(params)
	}
	text, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		b.t.Fatal(err)
	}
	answer := b.await(func(m message) bool { return m.ID == b.last })
	if answer.Error != nil {
		b.t.Fatalf("%s: %s", method, answer.Error.Message)
	}
	if result != nil {
		if err := json.Unmarshal(answer.Result, result); err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
	}
}

// await returns the first message that is it, and keeps the others.
func (b *browser) await(is func(message) bool) message {
	b.t.Helper()
	end := time.After(30 * time.Second)
	for {
		select {
		case m, open := <-b.from:
			switch {
			case !open:
				b.t.Fatalf("Chromium has ended:\n%s", b.printed)
			case is(m):
				return m
			}
			b.events = append(b.events, m)
		case <-end:
			b.t.Fatal("Chromium says nothing for 30 s")
		}
	}
}

// visit opens a page on a screen of this size, in a light or a dark scheme.
func (b *browser) visit(url string, width, height int, scheme string) {
	b.t.Helper()
	b.events = nil
	b.ask("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.ask("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.ask("Page.navigate", map[string]any{"url": url}, nil)
	b.await(func(m message) bool { return m.Method == "Page.loadEventFired" })
}

// evaluate runs an expression in the page, and reads its value into result.
func (b *browser) evaluate(expression string, result any) {
	b.t.Helper()
	var answer struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	b.ask("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &answer)
	if answer.Exception != nil {
		b.t.Fatalf("%s: %s", expression, answer.Exception)
	}
	if result != nil {
		if err := json.Unmarshal(answer.Result.Value, result); err != nil {
			b.t.Fatal(fmt.Errorf("%s: %w", expression, err))
		}
	}
}

// press presses a key and lets it go.
func (b *browser) press(key string, code int) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.ask("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}, nil)
	}
}
