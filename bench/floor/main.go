// Command floor is what gatehouse is measured against: the same server with a bare handler, which writes the
// same answer to everybody and does nothing else.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
)

func main() {
	tcp := flag.String("tcp", "", "HOST:PORT to listen on")
	unix := flag.String("unix", "", "socket to listen on")
	file := flag.String("answer", "", "a real answer of gatehouse, as it came over the wire")
	flag.Parse()
	if err := run(*tcp, *unix, *file); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(tcp, unix, file string) error {
	a, err := learn(file)
	if err != nil {
		return err
	}
	app := newApp(a)
	done := make(chan error)
	for _, at := range [][2]string{{"tcp", tcp}, {"unix", unix}} {
		if at[1] == "" {
			continue
		}
		l, err := net.Listen(at[0], at[1])
		if err != nil {
			return err
		}
		go func() { done <- app.Server().Serve(l) }()
	}
	return <-done
}

// newApp has the settings of package server's, and writes headers in the way that it does.
func newApp(a answer) *fiber.App {
	app := fiber.New(fiber.Config{
		AppName: "gatehouse", DisableStartupMessage: true, DisableDefaultContentType: true,
		CaseSensitive: true, StrictRouting: true,
		ReadBufferSize: 40_000, BodyLimit: 1024, Concurrency: 64 * 1024,
		ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: 60 * time.Second,
	})
	app.All("/authenticate", func(c *fiber.Ctx) error {
		h := &c.Response().Header
		for i := range a.headers {
			h.SetCanonical(a.headers[i].name, a.headers[i].value)
		}
		return c.SendString(a.body)
	})
	app.Server().Handler = app.Handler()
	return app
}

// An answer is what everybody gets.
type answer struct {
	headers []header
	body    string
}

// A header's name is spelled as fasthttp wants it.
type header struct{ name, value []byte }

// learn reads an answer, less what the server itself adds.
func learn(file string) (answer, error) {
	f, err := os.Open(file)
	if err != nil {
		return answer{}, err
	}
	defer f.Close()
	r, err := http.ReadResponse(bufio.NewReader(f), nil)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{body: string(body)}
	for name := range r.Header {
		if !slices.Contains([]string{"Date", "Content-Length", "Connection"}, name) {
			a.headers = append(a.headers, header{[]byte(name), []byte(r.Header.Get(name))})
		}
	}
	return a, nil
}
