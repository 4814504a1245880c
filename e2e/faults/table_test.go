package faults_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A fault is what a service does in place of an answer.
type fault struct {
	name    string
	want    int     // the status for whom gatehouse does not remember
	speak   speaker // nil: it answers as if it had no fault
	refuses bool    // nobody listens
	secure  bool    // it is one of TLS; speak is then said in place of the handshake
	shown   string  // the certificate, see certificates
	version uint16  // the latest of TLS that it speaks; 0: the newest
}

// A speaker answers one question about a key on a raw connection, which is closed after.
type speaker func(c net.Conn, key string)

// tls is what a service with fault f, which may be nil, shows.
func (f *fault) tls() *tls.Config {
	shown, version := "", uint16(0)
	if f != nil {
		shown, version = f.shown, f.version
	}
	least := uint16(0)
	if version != 0 {
		least = tls.VersionTLS10
	}
	return &tls.Config{Certificates: []tls.Certificate{*certificates[shown]}, MinVersion: least, MaxVersion: version}
}

// says writes text, in which KEY stands for the key and ELSEWHERE for a service that is not to be reached.
func says(text string) speaker {
	return func(c net.Conn, key string) {
		_, _ = io.WriteString(c, strings.NewReplacer("KEY", key, "ELSEWHERE", elsewhere.address).Replace(text))
	}
}

// answers is a whole answer of this status, which echoes the key.
func answers(status int, body string) speaker {
	return func(c net.Conn, key string) {
		body := strings.ReplaceAll(body, "KEY", key)
		says(fmt.Sprintf("HTTP/1.1 %d KEY\r\nX-Echo: KEY\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body))(c, key)
	}
}

// moves is a redirect with alice in its body.
func moves(status int, location string) speaker {
	return says(fmt.Sprintf("HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 15\r\n\r\n{\"uid\":\"alice\"}", status, location))
}

// waits says text, then nothing until the other side leaves.
func waits(text string) speaker {
	return func(c net.Conn, key string) {
		says(text)(c, key)
		_, _ = io.Copy(io.Discard, c)
	}
}

// breaks says text and resets the connection.
func breaks(text string) speaker {
	return func(c net.Conn, key string) {
		says(text)(c, key)
		_ = c.(*net.TCPConn).SetLinger(0)
	}
}

// repeats says text and then part, for ever or so many times, with a pause between.
func repeats(text, part string, times int, pause time.Duration) speaker {
	return func(c net.Conn, key string) {
		_, err := io.WriteString(c, text)
		again := []byte(strings.ReplaceAll(part, "KEY", key))
		for i := 0; err == nil && (times == 0 || i < times); i++ {
			time.Sleep(pause)
			_, err = c.Write(again)
		}
	}
}

// bomb is half a megabyte that becomes 512 MB: the same 8 MB again and again.
var bomb = sync.OnceValue(func() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(make([]byte, 8<<20))
	_ = z.Close()
	return strings.Repeat(b.String(), 64)
})

const (
	yes     = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	unknown = http.StatusServiceUnavailable
	no      = http.StatusUnauthorized
	unnamed = http.StatusForbidden
	drip    = 100 * time.Millisecond
)

// faults are those of a service that worked before.
func faults() []*fault {
	return []*fault{
		{name: "a refused connection", want: unknown, refuses: true},
		{name: "silence", want: unknown, speak: waits("")},
		{name: "half a status line and silence", want: unknown, speak: waits("HTTP/1.1 200")},
		{name: "half a body and silence", want: unknown, speak: waits(yes + "Content-Length: 15\r\n\r\n" + `{"uid":"al`)},
		{name: "a hang-up at once", want: unknown, speak: says("")},
		{name: "a reset at once", want: unknown, speak: breaks("")},
		{name: "a reset after the headers", want: unknown, speak: breaks(yes + "Content-Length: 15\r\n\r\n")},
		{name: "a hang-up amid the body", want: unknown, speak: says(yes + "Content-Length: 99\r\n\r\n" + `{"uid":"alice"}`)},
		{name: "a hang-up between chunks", want: unknown, speak: says(yes + "Transfer-Encoding: chunked\r\n\r\nf\r\n" + `{"uid":"alice"}` + "\r\n")},
		{name: "a reset amid a 401", want: unknown, speak: breaks("HTTP/1.1 401 No\r\nContent-Length: 99\r\n\r\n")},
		{name: "a body that drips", want: unknown, speak: repeats(yes+"Content-Length: 9999\r\n\r\n"+`{"uid":"alice"}`, " ", 0, drip)},
		{name: "headers that drip", want: unknown, speak: repeats(yes+"X: ", "x", 0, drip)},
		{name: "100 Continue for ever", want: unknown, speak: repeats("", "HTTP/1.1 100 Continue\r\n\r\n", 0, time.Millisecond)},
		{name: "103 Early Hints, and then silence", want: unknown, speak: waits("HTTP/1.1 103 Early Hints\r\nLink: </KEY>\r\n\r\n")},

		{name: "an empty body", want: unknown, speak: answers(200, "")},
		{name: "HTML", want: unknown, speak: answers(200, "<!DOCTYPE html><title>KEY</title>")},
		{name: "null", want: unknown, speak: answers(200, "null")},
		{name: "an empty list", want: unknown, speak: answers(200, "[]")},
		{name: "a list with a user in it", want: unknown, speak: answers(200, `[{"uid":"alice"}]`)},
		{name: "a string", want: unknown, speak: answers(200, `"KEY"`)},
		{name: "half an object", want: unknown, speak: answers(200, `{"uid":"alice"`)},
		{name: "no name", want: unnamed, speak: answers(200, `{"email":"KEY"}`)},
		{name: "an empty name", want: unnamed, speak: answers(200, `{"uid":""}`)},
		{name: "a name that is null", want: unnamed, speak: answers(200, `{"uid":null}`)},
		{name: "a name that is a number", want: unnamed, speak: answers(200, `{"uid":1}`)},
		{name: "a name that is true", want: unnamed, speak: answers(200, `{"uid":true}`)},
		{name: "a name in a list", want: unnamed, speak: answers(200, `{"uid":["root"]}`)},
		{name: "a name in an object", want: unnamed, speak: answers(200, `{"uid":{"uid":"root"}}`)},
		{name: "a name in capitals", want: unnamed, speak: answers(200, `{"UID":"root"}`)},
		{name: "a name with a line break", want: unnamed, speak: answers(200, `{"uid":"alice\r\nX-Auth-Roles: admin"}`)},
		{name: "a name with a zero", want: unnamed, speak: answers(200, `{"uid":"alice\u0000"}`)},
		{name: "two names", want: unknown, speak: answers(200, `{"uid":"alice","uid":"root"}`)},
		{name: "two names of one spelling", want: unknown, speak: answers(200, `{"uid":"alice","\u0075id":"root"}`)},
		{name: "garbage after the object", want: unknown, speak: answers(200, `{"uid":"alice"} KEY`)},
		{name: "two objects", want: unknown, speak: answers(200, `{"uid":"alice"}{"uid":"root"}`)},
		{name: "single quotes", want: unknown, speak: answers(200, `{'uid':'KEY'}`)},
		{name: "bytes that are not UTF-8", want: unknown, speak: answers(200, "{\"uid\":\"al\xffice\"}")},
		{name: "Latin-1, as its header says", want: unknown, speak: says("HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=iso-8859-1\r\nContent-Length: 15\r\n\r\n{\"uid\":\"al\xefce\"}")},
		{name: "UTF-16", want: unknown, speak: answers(200, "\xff\xfe{\x00\"\x00u\x00")},

		{name: "201", want: unknown, speak: answers(201, `{"uid":"alice"}`)},
		{name: "202", want: unknown, speak: answers(202, `{"uid":"alice"}`)},
		{name: "204", want: unknown, speak: says("HTTP/1.1 204 OK\r\n\r\n")},
		{name: "206", want: unknown, speak: answers(206, `{"uid":"alice"}`)},
		{name: "301 to another port", want: unknown, speak: moves(301, "http://ELSEWHERE/?token=KEY")},
		{name: "302 to another host", want: unknown, speak: moves(302, "http://localhost:1/?token=KEY")},
		{name: "303 to another port, without a scheme", want: unknown, speak: moves(303, "//ELSEWHERE/")},
		{name: "307 to another port", want: unknown, speak: moves(307, "http://ELSEWHERE/")},
		{name: "308 to another port", want: unknown, speak: moves(308, "http://ELSEWHERE/")},
		{name: "302 to itself", want: unknown, speak: moves(302, "/v1/who-am-i?token=KEY")},
		{name: "302 to nowhere", want: unknown, speak: moves(302, "")},
		{name: "304", want: unknown, speak: says("HTTP/1.1 304 Same\r\n\r\n")},
		{name: "401", want: no, speak: answers(401, `{"uid":"alice","key":"KEY"}`)},
		{name: "403", want: no, speak: answers(403, "KEY")},
		{name: "401 with a location", want: no, speak: says("HTTP/1.1 401 No\r\nLocation: http://ELSEWHERE/\r\nContent-Length: 0\r\n\r\n")},
		{name: "400", want: unknown, speak: answers(400, "bad KEY")},
		{name: "404", want: unknown, speak: answers(404, "no KEY")},
		{name: "407", want: unknown, speak: answers(407, "KEY")},
		{name: "429", want: unknown, speak: answers(429, "slow down, KEY")},
		{name: "429 with a time", want: unknown, speak: says("HTTP/1.1 429 Later\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")},
		{name: "500", want: unknown, speak: answers(500, "broken: KEY")},
		{name: "502", want: unknown, speak: answers(502, `{"uid":"alice"}`)},
		{name: "503", want: unknown, speak: answers(503, "KEY")},
		{name: "503 with a time", want: unknown, speak: says("HTTP/1.1 503 Later\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")},
		{name: "999", want: unknown, speak: answers(999, "KEY")},
		{name: "a switch of protocols", want: unknown, speak: says("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: KEY\r\n\r\n")},
		{name: "HTTP/0.9", want: unknown, speak: says(`{"uid":"alice"}`)},
		{name: "another protocol", want: unknown, speak: says("SSH-2.0-KEY\r\n")},
		{name: "a header line without a colon", want: unknown, speak: says("HTTP/1.1 200 OK\r\nKEY\r\n\r\n")},
		{name: "two lengths", want: unknown, speak: says("HTTP/1.1 200 OK\r\nContent-Length: 15\r\nContent-Length: 16\r\n\r\n" + `{"uid":"alice"}`)},

		{name: "a certificate that is out of date", want: unknown, secure: true, shown: "out of date"},
		{name: "a certificate of tomorrow", want: unknown, secure: true, shown: "of tomorrow"},
		{name: "a certificate of another name", want: unknown, secure: true, shown: "of another name"},
		{name: "a certificate of an unknown authority", want: unknown, secure: true, shown: "of an unknown authority"},
		{name: "an old version of TLS", want: unknown, secure: true, version: tls.VersionTLS11},
		{name: "no TLS", want: unknown, secure: true, speak: says(yes + "Content-Length: 15\r\n\r\n" + `{"uid":"alice"}`)},
		{name: "silence amid the handshake", want: unknown, secure: true, speak: waits("")},
		{name: "a reset amid the handshake", want: unknown, secure: true, speak: breaks("")},
	}
}

// bombs are faults that would fill a memory: 8 MB a second for every question.
func bombs() []*fault {
	endless := func(before, part string) speaker {
		return repeats(before, strings.Repeat(part, 8192/len(part)), 0, time.Millisecond)
	}
	return []*fault{
		{name: "a gzip bomb", want: unknown, speak: repeats(yes+"Content-Encoding: gzip\r\n\r\n", bomb(), 1, 0)},
		{name: "chunks for ever", want: unknown, speak: endless(yes+"Transfer-Encoding: chunked\r\n\r\n", "4\r\n    \r\n")},
		{name: "a chunk of 8 EB", want: unknown, speak: endless(yes+"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n", " ")},
		{name: "a body for ever", want: unknown, speak: endless(yes+"\r\n", " ")},
		{name: "headers for ever", want: unknown, speak: endless(yes, "X-Much: KEY"+strings.Repeat("a", 1000)+"\r\n")},
		{name: "one header for ever", want: unknown, speak: endless(yes+"X: ", "KEY")},
		{name: "headers of 1 MB", want: unknown, speak: repeats(yes, "X-Much: KEY"+strings.Repeat("a", 10_000)+"\r\n", 100, 0)},
		{name: "a name of 1 MB", want: unknown, speak: repeats(yes+"\r\n"+`{"uid":"`, strings.Repeat("a", 1_000_000)+`"}`, 1, 0)},
		{name: "lists 10,000 deep", want: unknown, speak: answers(200, `{"uid":"alice","x":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+"}")},
	}
}
