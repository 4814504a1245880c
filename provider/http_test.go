package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
)

// A roundTrip answers a question without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func response(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// echoed returns the raw question that a provider of this URL and place asks with key.
func echoed(t *testing.T, h *HTTP, base, key string) string {
	t.Helper()
	asked := make(chan string, 1)
	address, _ := listen(t, func(c net.Conn, question string) {
		asked <- question
		answers(200, `{"uid":"alice"}`)(c, question)
	})
	h.URL, h.User = strings.ReplaceAll(base, "HOST", address), "uid"
	ctx, cancel := context.WithTimeout(t.Context(), slack)
	defer cancel()
	if _, err := open(t, ctx, h, newWorld(t).Env).Authenticate(ctx, bearer(key)); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(<-asked, address, "HOST")
}

func TestTheKeyGoesWhereItBelongsAndNowhereElse(t *testing.T) {
	const common = "Host: HOST\r\nUser-Agent: gatehouse\r\nAccept: application/json\r\n"
	for _, c := range []struct {
		name     string
		url      string
		place    KeyPlace
		question string // less Connection: close and the like
	}{
		{
			"Authorization, by default", "http://HOST/me", newHTTP().Key,
			"GET /me HTTP/1.1\r\n" + common + "Authorization: Bearer " + oddKey,
		},
		{
			"Authorization with a scheme of its own", "http://HOST/me",
			KeyPlace{"authorization", "Token"},
			"GET /me HTTP/1.1\r\n" + common + "Authorization: Token " + oddKey,
		},
		{
			"a header, by default", "http://HOST/",
			KeyPlace{In: "header"},
			"GET / HTTP/1.1\r\n" + common + "X-Api-Key: " + oddKey,
		},
		{
			"a header of another name", "http://HOST",
			KeyPlace{"header", "x-ecmwf-key"},
			"GET / HTTP/1.1\r\n" + common + "X-Ecmwf-Key: " + oddKey,
		},
		{
			"the query, by default", "http://HOST/me",
			KeyPlace{In: "query"},
			"GET /me?token=Canary7f3%2Ba%2Fx~y-._0%3D%3D HTTP/1.1\r\n" + common,
		},
		{
			"the query beside other parameters", "http://HOST/me?api=2&v=a+b%26c",
			KeyPlace{"query", "k"},
			"GET /me?api=2&k=Canary7f3%2Ba%2Fx~y-._0%3D%3D&v=a+b%26c HTTP/1.1\r\n" + common,
		},
		{
			"the query in place of a parameter of its name", "http://HOST/me?token=left&token=over",
			KeyPlace{In: "query"},
			"GET /me?token=Canary7f3%2Ba%2Fx~y-._0%3D%3D HTTP/1.1\r\n" + common,
		},
		{
			"an escaped path", "http://HOST/a%2Fb/%C3%A9",
			KeyPlace{In: "header"},
			"GET /a%2Fb/%C3%A9 HTTP/1.1\r\n" + common + "X-Api-Key: " + oddKey,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHTTP()
			h.Key = c.place
			if got, want := lines(echoed(t, h, c.url, oddKey)), lines(c.question); got != want {
				t.Errorf("asked\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// lines sorts nothing but puts the headers, whose order does not matter, into one order.
func lines(question string) string {
	request, headers, _ := strings.Cut(question, "\r\n")
	all := map[string]bool{}
	for line := range strings.SplitSeq(strings.TrimSpace(headers), "\r\n") {
		all[strings.TrimSpace(line)] = true
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%v", request, all) // fmt sorts a map
	return b.String()
}

func TestEveryKeyArrivesAsItIs(t *testing.T) {
	got := ""
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Query().Get("token") + r.Header.Get("X-Api-Key") + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		_, _ = io.WriteString(w, `{"uid":"alice"}`)
	}))
	defer service.Close()
	for place, a := range newRemotes(t, service.URL, newWorld(t)) {
		for _, key := range []string{oddKey, "+", "a+b", "a/b", "a=", "~", "a&uid=root", "a#b", "a%2Fb", "a;b", "..", "a?b", "%", "%zz", "a b", "é", "\x00\xff"} {
			if place == "header" || place == "authorization" {
				if key == "\x00\xff" {
					if _, err := a.Authenticate(t.Context(), bearer(key)); isDecision(err) {
						t.Errorf("%s: a key that no header can hold: %v", place, err)
					}
					continue
				}
			}
			if _, err := a.Authenticate(t.Context(), bearer(key)); err != nil || got != key {
				t.Errorf("%s: %q arrived as %q, %v", place, key, got, err)
			}
		}
	}
}

func TestTheEcmwfServiceIsAskedAsAuthOTronAsksIt(t *testing.T) {
	var asked []string
	env := newWorld(t).Env
	env.HTTP = roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.Method+" "+r.URL.String())
		return response(200, `{"uid":"max","email":"max@example.org","roles":["admin"],"user":"root","exp":12}`), nil
	})
	for _, uri := range []string{"https://api.example.org/v1", "https://api.example.org/v1/", "https://api.example.org/v1//"} {
		u, err := open(t, t.Context(), ecmwfAt(uri), env).Authenticate(t.Context(), bearer(oddKey))
		if err != nil || u.Name != "max" || len(u.Roles) > 0 || len(u.Attributes) != 1 || u.Attributes["ecmwf-email"] != "max@example.org" || !u.Until.IsZero() {
			t.Errorf("got %+v, %v", u, err)
		}
	}
	for _, q := range asked {
		if q != "GET https://api.example.org/v1/who-am-i?token=Canary7f3%2Ba%2Fx~y-._0%3D%3D" {
			t.Errorf("asked %s", q)
		}
	}
}

// The environment of this test names a proxy (see TestMain).
func TestTheProxyOfTheEnvironmentIsNotAsked(t *testing.T) {
	for _, url := range []string{"http://service.example", "https://service.example"} {
		w := newWorld(t)
		var dialled []string
		w.HTTP.(*http.Transport).DialContext = func(_ context.Context, _, address string) (net.Conn, error) {
			dialled = append(dialled, address)
			return nil, errors.New("no network here")
		}
		question(t, newRemotes(t, url, w)["query"], noDecision)
		if len(dialled) != 1 || !strings.HasPrefix(dialled[0], "service.example:") {
			t.Errorf("%s: dialled %q", url, dialled)
		}
	}
}

func TestDenyStatusesAreWhatTheSectionSays(t *testing.T) {
	for _, c := range []struct {
		name     string
		statuses []int
		status   int
		want     outcome
	}{
		{"404 where it means no", []int{404}, 404, denied},
		{"401 where only 404 means no", []int{404}, 401, noDecision},
		{"403 where nothing means no", nil, 403, noDecision},
		{"410 of several", []int{401, 410}, 410, denied},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHTTP()
			h.URL, h.User, h.DenyStatuses = "http://service.example", "uid", c.statuses
			env := newWorld(t).Env
			env.HTTP = roundTrip(func(*http.Request) (*http.Response, error) { return response(c.status, `{"uid":"alice"}`), nil })
			if got := outcomeOf(open(t, t.Context(), h, env).Authenticate(t.Context(), bearer(canary))); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestNoMoreQuestionsAtOnceThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, callers = 3, 20
		var now, peak atomic.Int64
		release := make(chan struct{})
		env := newWorld(t).Env
		env.HTTP = roundTrip(func(*http.Request) (*http.Response, error) {
			n := now.Add(1)
			defer now.Add(-1)
			for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
			}
			<-release
			return response(200, `{"uid":"alice"}`), nil
		})
		h := newHTTP()
		h.URL, h.User, h.MaxConcurrent = "http://service.example", "uid", most
		a := open(t, t.Context(), h, env)
		var ended atomic.Int64
		for range callers {
			go func() {
				if u, err := a.Authenticate(t.Context(), bearer(canary)); err != nil || u.Name != "alice" {
					t.Errorf("got %q, %v", u.Name, err)
				}
				ended.Add(1)
			}()
		}
		synctest.Wait()
		if now.Load() != most || ended.Load() != 0 {
			t.Errorf("%d are under way and %d ended", now.Load(), ended.Load())
		}
		for what, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
			"a deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, deadline)
			},
			"a caller who leaves": context.WithCancel,
		} {
			ctx, cancel := end(t.Context())
			time.AfterFunc(deadline, cancel)
			begin := time.Now()
			_, err := a.Authenticate(ctx, bearer(canary))
			if took := time.Since(begin); isDecision(err) || took != deadline {
				t.Errorf("%s: waited %s and got %v", what, took, err)
			}
		}
		close(release)
		synctest.Wait()
		if ended.Load() != callers || peak.Load() != most || now.Load() != 0 {
			t.Errorf("%d ended, %d at once", ended.Load(), peak.Load())
		}
		if _, err := a.Authenticate(t.Context(), bearer(canary)); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// Every way a question can end frees its place.
func TestAFailedQuestionFreesItsPlace(t *testing.T) {
	ways := []roundTrip{
		func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
		func(*http.Request) (*http.Response, error) { return response(401, ""), nil },
		func(*http.Request) (*http.Response, error) { return response(500, ""), nil },
		func(*http.Request) (*http.Response, error) { return response(200, "["), nil },
		func(*http.Request) (*http.Response, error) { return response(200, strings.Repeat(" ", 1<<20)), nil },
	}
	h := newHTTP()
	h.URL, h.User, h.MaxConcurrent = "http://service.example", "uid", 1
	env := newWorld(t).Env
	way := 0
	env.HTTP = roundTrip(func(r *http.Request) (*http.Response, error) { return ways[way](r) })
	a := open(t, t.Context(), h, env)
	for way = range ways {
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if _, err := a.Authenticate(ctx, bearer(canary)); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("way %d: %v", way, err)
			}
			cancel()
		}
	}
}

// A body that is left open keeps its connection for ever.
func TestEveryBodyIsClosed(t *testing.T) {
	var opened, closed atomic.Int64
	env := newWorld(t).Env
	status := 200
	env.HTTP = roundTrip(func(*http.Request) (*http.Response, error) {
		opened.Add(1)
		r := response(status, `{"uid":"alice"}`)
		r.Body = &body{r.Body, &closed}
		return r, nil
	})
	a := newRemotesOf(t, env)
	for _, status = range []int{200, 302, 401, 500} {
		_, _ = a.Authenticate(t.Context(), bearer(canary))
	}
	if opened.Load() != 4 || closed.Load() != 4 {
		t.Errorf("opened %d, closed %d", opened.Load(), closed.Load())
	}
}

type body struct {
	io.Reader
	closed *atomic.Int64
}

func (b *body) Close() error { b.closed.Add(1); return nil }

func newRemotesOf(t *testing.T, env Env) auth.Authenticator {
	h := newHTTP()
	h.URL, h.User = "http://service.example", "uid"
	return open(t, t.Context(), h, env)
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var connections, questions atomic.Int64
	service := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch questions.Add(1) % 4 {
		case 0:
			w.WriteHeader(401)
		case 1:
			w.WriteHeader(503)
		}
		_, _ = io.WriteString(w, `{"uid":"alice"`+strings.Repeat(" ", 5000)+`}`)
	}))
	service.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	service.Start()
	defer service.Close()
	w := newWorld(t)
	a := newRemotes(t, service.URL, w)["query"]
	for range 200 {
		_, _ = a.Authenticate(t.Context(), bearer(canary))
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for 200 questions in a row", n)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 20 {
				_, _ = a.Authenticate(t.Context(), bearer(canary))
			}
		})
	}
	all.Wait()
	// Beside the 32, net/http dials some that it then does not need at once.
	if n := connections.Load(); n > 100 {
		t.Errorf("%d connections for 1,000 questions, 32 at once", n)
	}
}

func TestAnswersArePickedApartByPath(t *testing.T) {
	const text = `{"uid":"alice","data":{"user":{"login":"bob","id":7},"groups":["a","b"],"none":[],"mixed":["a",1,null,"b"],
		"list":[{"id":"x"},{"id":"y"}]},"a.b":"dot","a/b":"slash","m~n":"tilde","~1":"odd","":"empty","0":"zero","t":true,"f":1.50,
		"null":null,"role":"one","nested":{"":{"":"deep"}}}`
	a, err := parseAnswer([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"uid": "alice", "data.user.login": "bob", "data.list.1.id": "y", "data.groups.0": "a", "0": "zero",
		"/uid": "alice", "/data/user/login": "bob", "/data/list/0/id": "x", "/a.b": "dot", "/a~1b": "slash", "/m~0n": "tilde", "/~01": "odd",
		"/": "empty", "/nested//": "deep",
		"a.b": "", "a/b": "slash", "missing": "", "data": "", "data.user": "", "data.user.id": "", "data.list.2.id": "", "data.list.-1.id": "",
		"data.list.x": "", "uid.0": "", "uid.x": "", "data.none.0": "", "null": "", "null.x": "", "": "", ".": "", "data.": "", "/data/": "",
	} {
		if got := a.text(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]string{
		"data.groups": `["a" "b"]`, "role": `["one"]`, "data.mixed": `["a" "" "" "b"]`, "data.none": `[]`,
		"missing": `[]`, "data.user": `[]`, "data.user.id": `[]`, "null": `[]`, "": `[]`, "t": `[]`,
	} {
		if got := fmt.Sprintf("%q", a.list(path)); got != want {
			t.Errorf("%q: got %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]string{"uid": "alice", "t": "true", "f": "1.50", "data.user.id": "7", "null": "", "data": "", "data.groups": "", "missing": ""} {
		if got, ok := a.scalar(path); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %t", path, got, ok)
		}
	}
}

func TestAUserIsMadeOfTheAnswer(t *testing.T) {
	h := newHTTP()
	h.URL, h.User, h.Roles = "http://service.example", "data.login", "/data/groups"
	h.Attributes = map[string]string{"mail": "mail", "age": "age", "staff": "staff", "gone": "gone", "list": "list", "exp": "until"}
	env := newWorld(t).Env
	until := ""
	env.HTTP = roundTrip(func(*http.Request) (*http.Response, error) {
		return response(200, `{"data":{"login":"alice","groups":["a","b"]},"mail":"a@example.org","age":7,"staff":false,"list":[1],"more":"x"`+until+`}`), nil
	})
	a := open(t, t.Context(), h, env)
	for _, c := range []struct {
		name, until string
		want        time.Time
	}{
		{"an end in seconds", `,"until":1700000000`, time.Unix(1_700_000_000, 0)},
		{"an end as text", `,"until":"1700000000"`, time.Unix(1_700_000_000, 0)},
		{"no end", ``, time.Time{}},
		{"an end that is null", `,"until":null`, time.Time{}},
		{"an end long ago", `,"until":-5`, time.Unix(-5, 0)},
		{"an end with a fraction", `,"until":1700000000.9`, time.Unix(1_700_000_000, 0)},
		{"an end with an exponent", `,"until":1.7e9`, time.Unix(1_700_000_000, 0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			until = c.until
			u, err := a.Authenticate(t.Context(), bearer(canary))
			if err != nil || u.Name != "alice" || fmt.Sprint(u.Roles) != "[a b]" {
				t.Errorf("got %+v, %v", u, err)
			}
			delete(u.Attributes, "exp")
			if got := fmt.Sprint(u.Attributes); got != "map[age:7 mail:a@example.org staff:false]" {
				t.Errorf("attributes %s", got)
			}
			if !u.Until.Equal(c.want) {
				t.Errorf("until %s, want %s", u.Until, c.want)
			}
		})
	}
}

// An end that cannot be read must not become no end.
func TestAnEndThatIsNoTimeIsNoDecision(t *testing.T) {
	h := newHTTP()
	h.URL, h.User, h.Attributes = "http://service.example", "uid", map[string]string{"exp": "exp"}
	for _, end := range []string{`"tomorrow"`, `"NaN"`, `1e300`, `true`, `"-Inf"`} {
		env := newWorld(t).Env
		env.HTTP = roundTrip(func(*http.Request) (*http.Response, error) {
			return response(200, `{"uid":"alice","exp":`+end+`}`), nil
		})
		u, err := open(t, t.Context(), h, env).Authenticate(t.Context(), bearer(canary))
		if err == nil || errors.Is(err, auth.ErrDenied) || u.Name != "" {
			t.Errorf("%s: got %+v, %v", end, u, err)
		}
	}
}

// Two providers share a transport, and neither the section nor a caller's list of answers.
func TestAnswersAreNotShared(t *testing.T) {
	env := newWorld(t).Env
	env.HTTP = roundTrip(func(*http.Request) (*http.Response, error) { return response(200, `{"uid":"alice"}`), nil })
	a := newRemotesOf(t, env)
	u1, _ := a.Authenticate(t.Context(), bearer(canary))
	u1.Attributes["x"] = "y"
	if u2, _ := a.Authenticate(t.Context(), bearer(canary)); len(u2.Attributes) != 0 {
		t.Errorf("got %v", u2.Attributes)
	}
}

// FuzzParseAnswer reads any answer of a service. C40: nothing panics, no error quotes it, and what is read of it is what
// the standard library reads.
func FuzzParseAnswer(f *testing.F) {
	for _, seed := range []string{`{"uid":"alice"}`, `{"a":[1,{"b":null}]}`, `{}`, `[]`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", `{"uid":"\ud800"}`, `{} x`} {
		f.Add([]byte(seed), "a.0.b")
	}
	f.Fuzz(func(t *testing.T, text []byte, path string) {
		a, err := parseAnswer(text)
		if err != nil {
			if a != nil {
				t.Error("an error and an answer")
			}
			if !errors.Is(err, errNoObject) && !errors.Is(err, errDuplicate) {
				t.Errorf("an error that may quote: %v", err)
			}
			return
		}
		if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
			t.Errorf("%q is no object", text)
		}
		_, _, _ = a.text(path), a.list(path), a.at("/"+path)
		_, _ = a.scalar(path)
		var theirs map[string]any
		if err := json.Unmarshal(text, &theirs); err != nil {
			t.Fatalf("%q is read, and encoding/json says %v", text, err)
		}
		for name, value := range theirs {
			pointer := "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
			if want, ok := value.(string); ok && a.text(pointer) != want {
				t.Errorf("%q: %s is %q, encoding/json says %q", text, pointer, a.text(pointer), want)
			}
		}
	})
}
