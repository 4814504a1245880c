// Package leaks runs the tests of a package and fails them if something they started goes on: a goroutine, an open
// file.
package leaks

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"go.uber.org/goleak"
)

// Fasthttp names goroutines that its servers share, or that end up to 10 s after theirs.
var Fasthttp = []string{
	"github.com/valyala/fasthttp.(*workerPool).Start.func2",
	"github.com/valyala/fasthttp.updateServerDate.func1",
}

// Run runs the tests of m, which is a [testing.M], and returns the process's exit code. Goroutines with one of the
// named functions in their stack may go on.
func Run(m interface{ Run() int }, may ...string) int {
	if f := flag.Lookup("test.fuzz"); f != nil && f.Value.String() != "" { // fuzzing leaves workers behind
		return m.Run()
	}
	before := openFiles()
	exit := m.Run()
	if exit != 0 {
		return exit
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	var options []goleak.Option
	for _, function := range may {
		options = append(options, goleak.IgnoreAnyFunction(function))
	}
	if err := goleak.Find(options...); err != nil {
		fmt.Fprintln(os.Stderr, "a test leaves goroutines behind:", err)
		return 1
	}
	var left []string
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if left = more(openFiles(), before); len(left) == 0 {
			return 0
		}
	}
	fmt.Fprintln(os.Stderr, "a test leaves files open:", left)
	return 1
}

// openFiles returns what each of this process's file descriptors is of. Its poller is open by then.
func openFiles() (list []string) {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		_ = l.Close()
	}
	const folder = "/proc/self/fd/"
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		if target, err := os.Readlink(folder + e.Name()); err == nil { // the folder's own is closed already
			list = append(list, target)
		}
	}
	return list
}

// more returns what after has and before has not.
func more(after, before []string) (list []string) {
	before = slices.Clone(before)
	for _, file := range after {
		if i := slices.Index(before, file); i >= 0 {
			before = slices.Delete(before, i, i+1)
		} else {
			list = append(list, file)
		}
	}
	return list
}
