package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A gateway is a running gatehouse.
type gateway struct {
	*process
	url     string // of /authenticate over TCP
	socket  string
	metrics string // URL
}

// config is what every gatehouse of the bench is started with. Who connects by TCP is the client. Rows add
// sections and providers.
const config = `version: "3"
logging: { level: info }
jwt: { secret: 0123456789abcdef0123456789abcdef }
metrics: { port: %d }
server: { port: %d, socket: %s, max_header_bytes: 15000, trusted_proxies: [] }
%s
providers:
%s`

// unthrottled is a setup's section: nobody is held for having failed too often.
const unthrottled = "throttle: { enabled: false }"

// A setup is what a row adds to config.
type setup struct {
	sections  string
	providers string
}

// writeConfig makes config.yaml in a folder of its own.
func (b *bench) writeConfig(s setup) (path string, g *gateway, err error) {
	folder, err := os.MkdirTemp(b.folder, "g")
	if err != nil {
		return "", nil, err
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	second, err := freePort()
	if err != nil {
		return "", nil, err
	}
	g = &gateway{
		url:     fmt.Sprintf("http://127.0.0.1:%d/authenticate", port),
		socket:  filepath.Join(folder, "s"),
		metrics: fmt.Sprintf("http://127.0.0.1:%d/metrics", second),
	}
	path = filepath.Join(folder, "config.yaml")
	text := fmt.Sprintf(config, second, port, g.socket, s.sections, s.providers)
	return path, g, os.WriteFile(path, []byte(text), 0o644)
}

// startGateway starts gatehouse and waits until it answers.
func (b *bench) startGateway(s setup) (*gateway, error) {
	path, g, err := b.writeConfig(s)
	if err != nil {
		return nil, err
	}
	if g.process, err = b.start("gatehouse", b.gatehouse, "--config", path); err != nil {
		return nil, err
	}
	return g, g.await(b.ctx, time.Millisecond, func() error { return answers(g.url) })
}

// answers reports why there is no HTTP at a URL.
func answers(url string) error {
	r, err := http.Get(url)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, r.Body)
	return r.Body.Close()
}

// count is the sum of a metric's values whose labels hold all the given texts.
func (g *gateway) count(name string, labels ...string) (float64, error) {
	r, err := http.Get(g.metrics)
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	var sum float64
	lines := bufio.NewScanner(r.Body)
next:
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if family, _, _ := strings.Cut(series, "{"); family != name {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(series, l) {
				continue next
			}
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, lines.Err()
}

// startFloor starts a floor that answers as gatehouse at url answers this credential.
func (b *bench) startFloor(g *gateway, authorization string) (*gateway, error) {
	answer, err := fetch(g.url, authorization)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(b.folder, "f")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "answer")
	if err := os.WriteFile(file, answer, 0o644); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	f := &gateway{url: "http://" + address + "/authenticate", socket: filepath.Join(folder, "s")}
	if f.process, err = b.start("floor", b.floor, "-tcp", address, "-unix", f.socket, "-answer", file); err != nil {
		return nil, err
	}
	if err := f.await(b.ctx, time.Millisecond, func() error { return answers(f.url) }); err != nil {
		return nil, err
	}
	return f, sameAnswer(f.url, authorization, answer)
}

// fetch gets a 200, headers and body, as it comes over the wire.
func fetch(url, authorization string) ([]byte, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", authorization)
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s to the credential of the row", url, r.Status)
	}
	var b bytes.Buffer
	err = r.Write(&b) // sorts the headers
	return b.Bytes(), err
}

// sameAnswer reports whether url answers byte for byte alike, but for the date.
func sameAnswer(url, authorization string, want []byte) error {
	got, err := fetch(url, authorization)
	if err == nil && !bytes.Equal(undated(got), undated(want)) {
		err = fmt.Errorf("the floor's answer is not gatehouse's:\n%s\n%s", got, want)
	}
	return err
}

func undated(answer []byte) []byte {
	before, after, _ := bytes.Cut(answer, []byte("\r\nDate: "))
	_, after, _ = bytes.Cut(after, []byte("\r\n"))
	return append(bytes.Clone(before), after...)
}
