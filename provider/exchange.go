package provider

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/auth"
)

// A reply is an answer with as much of its body as is looked at.
type reply struct {
	status int
	body   []byte
	large  bool // whether there is more than that
}

// parseBase reads the URL below which a service's paths are. [url.URL.JoinPath] needs one with a path of its own: without,
// what it joins begins with no slash, and neither does the request line.
func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	base.RawQuery = ""
	return base.JoinPath("/"), nil
}

// newRequest returns a question without a body.
func newRequest(ctx context.Context, method string, to *url.URL) *http.Request {
	u := *to
	req := (&http.Request{Method: method, URL: &u, Host: u.Host, Header: http.Header{}}).WithContext(ctx)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "gatehouse")
	if trace := auth.ClientOf(ctx).Trace; trace.Valid() {
		req.Header.Set("traceparent", trace.Header())
	}
	return req
}

// newPost returns a question with a body.
func newPost(ctx context.Context, to *url.URL, kind, body string) *http.Request {
	req := newRequest(ctx, http.MethodPost, to)
	req.Header.Set("Content-Type", kind)
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	req.Body, _ = req.GetBody()
	return req
}

// repeatable makes a question with a body one that is put again where an idle connection ends on it: one that changes
// nothing there.
func repeatable(req *http.Request) *http.Request {
	req.Header["Idempotency-Key"] = nil // tells net/http, and is not sent
	return req
}

// exchange puts one question and reads at most so many bytes of the answer. Its errors are those that
// [spare.call] wants.
func exchange(
	ctx context.Context, send http.RoundTripper, now func() time.Time, most int, question func(context.Context) *http.Request,
) (reply, error) {
	var reach reach
	resp, err := send.RoundTrip(question(reach.watch(ctx)))
	if err != nil {
		return reply{}, reach.silent(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(most)+1))
	if wait, ok := retryAfter(resp.StatusCode, resp.Header.Get("Retry-After"), now()); ok { // whatever its body
		return reply{}, &auth.Later{After: wait, Err: errStatus(resp.StatusCode)}
	}
	if err != nil {
		return reply{}, brokenOff(err)
	}
	return reply{resp.StatusCode, body, len(body) > most}, nil
}

func errStatus(status int) error { return fmt.Errorf("it answered with status %d", status) }

// content returns the body of an answer that has one: of status 200, and whole.
func (r reply) content() ([]byte, error) {
	switch {
	case r.status != http.StatusOK:
		return nil, errStatus(r.status)
	case r.large:
		return nil, fmt.Errorf("its answer is larger than %d bytes", len(r.body)-1)
	}
	return r.body, nil
}

// object returns the JSON object that the answer brings.
func (r reply) object() (answer, error) {
	body, err := r.content()
	if err != nil {
		return nil, err
	}
	return parseAnswer(body)
}
