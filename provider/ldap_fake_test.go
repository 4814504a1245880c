package provider

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"gatehouse/auth"
	"gatehouse/directory"
	"gatehouse/e2e/ldap"
)

const aliceDN = "uid=alice,ou=people," + ldap.Base

var alice = goldap.NewEntry(aliceDN, map[string][]string{"uid": {"alice"}})

// knowsAlice is a directory with one user.
func knowsAlice(r ldap.Request) ldap.Reply {
	switch {
	case r.Op == "bind" && (r.DN == ldap.Gate && r.Password == ldap.GatePassword || r.DN == aliceDN && r.Password == canary):
		return ldap.Reply{}
	case r.Op == "bind":
		return ldap.Reply{Code: goldap.LDAPResultInvalidCredentials}
	case r.Op == "search" && (r.Filter == "(uid=alice)" || r.DN == aliceDN):
		return ldap.Reply{Entries: []*goldap.Entry{alice}}
	case r.Op == "starttls":
		return ldap.Reply{Code: goldap.LDAPResultProtocolError}
	}
	return ldap.Reply{}
}

// but is knowsAlice with another answer to the login of alice, her search, or the login of gatehouse.
func but(op string, reply ldap.Reply) func(ldap.Request) ldap.Reply {
	return func(r ldap.Request) ldap.Reply {
		own := r.Op == "bind" && r.DN == ldap.Gate
		if op == "own" && own || op == r.Op && !own {
			return reply
		}
		return knowsAlice(r)
	}
}

func atFake(f *ldap.Fake) *LDAP {
	l := newLDAP()
	l.Config = directory.Config{URI: f.URI, BindDN: ldap.Gate, Password: ldap.GatePassword, SearchBase: "ou=people," + ldap.Base}
	return l
}

// logIn asks a directory of its own about a credential of alice's, within 300 ms.
func logIn(t *testing.T, secret string, answer func(ldap.Request) ldap.Reply, change func(*LDAP)) (auth.User, *ldap.Fake, error) {
	t.Helper()
	f := ldap.NewFake(t, answer)
	l := atFake(f)
	if change != nil {
		change(l)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	u, err := open(t, t.Context(), l, newWorld(t).Env).Authenticate(ctx, basic("alice", secret))
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
	return u, f, err
}

func code(n int, diagnostic string) ldap.Reply { return ldap.Reply{Code: n, Diagnostic: diagnostic} }

// C44, C03: what a directory answers to a user's login is a no only where it is one.
func TestWhatADirectorySaysOfALogin(t *testing.T) {
	ad := func(data string) ldap.Reply {
		return code(49, "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data "+data+", v3839\x00")
	}
	for name, row := range map[string]struct {
		reply  ldap.Reply
		denied bool
	}{
		"invalid credentials":             {code(49, ""), true},
		"no such entry":                   {code(32, ""), true},
		"an entry without a password":     {code(48, ""), true},
		"locked (389 Directory Server)":   {code(19, "Exceed password retry limit."), true},
		"inactive (389 Directory Server)": {code(53, "Account inactivated. Contact system administrator."), true},
		"no logins for now (OpenLDAP)":    {code(53, "operation restricted"), false},
		"a wrong password (AD)":           {ad("52e"), true},
		"no such user (AD)":               {ad("525"), true},
		"not at this time (AD)":           {ad("530"), true},
		"not from there (AD)":             {ad("531"), true},
		"the password is expired (AD)":    {ad("532"), true},
		"disabled (AD)":                   {ad("533"), true},
		"expired (AD)":                    {ad("701"), true},
		"must change the password (AD)":   {ad("773"), true},
		"locked (AD)":                     {ad("775"), true},
		"no logon server (AD)":            {ad("51f"), false},
		"no domain (AD)":                  {ad("54b"), false},
		"no answer of a server (AD)":      {ad("6ba"), false},
		"an error":                        {code(1, ""), false},
		"a protocol error":                {code(2, ""), false},
		"a time limit":                    {code(3, ""), false},
		"stronger authentication wanted":  {code(8, ""), false},
		"a referral":                      {ldap.Reply{Code: 10, Referral: "ldap://127.0.0.1:9/"}, false},
		"confidentiality wanted":          {code(13, ""), false},
		"a broken DN":                     {code(34, ""), false},
		"busy":                            {code(51, ""), false},
		"unavailable":                     {code(52, ""), false},
		"another error":                   {code(80, ""), false},
		"a result that there is not":      {code(177, ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, change := range []func(*LDAP){nil, func(l *LDAP) { l.SearchBase, l.UserDN = "", "uid={username},ou=people,"+ldap.Base }} {
				u, _, err := logIn(t, canary, but("bind", row.reply), change)
				if errors.Is(err, auth.ErrDenied) != row.denied || isDecision(err) != row.denied || u.Name != "" {
					t.Errorf("got %q, %v", u.Name, err)
				}
				if later, ok := errors.AsType[*auth.Later](err); ok != (row.reply.Code == 51) || ok && later.After <= 0 {
					t.Errorf("got %#v", err)
				}
			}
			// Of the search, and of gatehouse's own login, none is a no.
			for _, op := range []string{"search", "own"} {
				if u, _, err := logIn(t, canary, but(op, row.reply), nil); isDecision(err) || u.Name != "" {
					t.Errorf("to the %s: got %q, %v", op, u.Name, err)
				}
			}
		})
	}
}

// C03, C29: faults that no real directory can be made to have at will.
func TestADirectoryThatFailsIsNoDecision(t *testing.T) {
	endless := slices.Repeat([]byte{0x30, 5, 2, 1, 99, 0x65, 0}, 400_000) // answers to what nobody asked
	for name, reply := range map[string]ldap.Reply{
		"no answer":                            {Hang: true},
		"the connection ends":                  {Drop: true},
		"HTTP":                                 {Raw: []byte("HTTP/1.1 400 Bad Request\r\n\r\n")},
		"zeros":                                {Raw: make([]byte, 100)},
		"half a message":                       {Raw: []byte{0x30, 0x20, 2, 1, 2}},
		"a message of 2 GB":                    {Raw: append([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 4, 0x84, 0x7f, 0xff, 0xff, 0xf0}, make([]byte, 1<<21)...)},
		"more than is read":                    {Raw: endless},
		"an answer without a result":           {Raw: []byte{0x30, 5, 2, 1, 2, 0x65, 0, 0x30, 5, 2, 1, 2, 0x61, 0}},
		"an answer without an operation":       {Raw: []byte{0x30, 3, 2, 1, 2}},
		"an entry that is no entry":            {Raw: []byte{0x30, 5, 2, 1, 2, 0x64, 0}},
		"a deep nest":                          {Raw: slices.Repeat([]byte{0x30, 0x80}, 100_000)},
		"a notice of disconnection (RFC 4511)": {Raw: []byte{0x30, 12, 2, 1, 0, 0x78, 7, 10, 1, 52, 4, 0, 4, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, op := range []string{"own", "search", "bind"} {
				if u, _, err := logIn(t, canary, but(op, reply), nil); isDecision(err) || u.Name != "" {
					t.Errorf("to the %s: got %q, %v", op, u.Name, err)
				} else if _, ok := errors.AsType[*silence](err); !ok && op != "bind" {
					t.Errorf("to the %s: %v is taken for an answer", op, err)
				}
			}
		})
	}
}

// The answer to a search, of one user or of more.
func TestAnEntryThatDoesNotNameOneUserLetsNobodyIn(t *testing.T) {
	entry := func(names ...string) *goldap.Entry {
		return goldap.NewEntry(aliceDN, map[string][]string{"uid": names})
	}
	for name, row := range map[string]struct {
		reply  ldap.Reply
		denied bool
	}{
		"no entry":                         {ldap.Reply{}, true},
		"two entries":                      {ldap.Reply{Entries: []*goldap.Entry{alice, alice}}, true},
		"more than the limit":              {ldap.Reply{Entries: []*goldap.Entry{alice}, Code: 4}, true},
		"more than the limit and no entry": {ldap.Reply{Code: 4}, true},
		"an entry and a referral":          {ldap.Reply{Entries: []*goldap.Entry{alice}, Code: 10, Referral: "ldap://127.0.0.1:9/"}, false},
		"an entry and a time limit":        {ldap.Reply{Entries: []*goldap.Entry{alice}, Code: 3}, false},
		"an entry without a name":          {ldap.Reply{Entries: []*goldap.Entry{entry()}}, false},
		"an entry with two names":          {ldap.Reply{Entries: []*goldap.Entry{entry("alice", "root")}}, false},
		"an entry without a DN":            {ldap.Reply{Entries: []*goldap.Entry{goldap.NewEntry("", map[string][]string{"uid": {"alice"}})}}, false},
	} {
		u, _, err := logIn(t, canary, but("search", row.reply), nil)
		if errors.Is(err, auth.ErrDenied) != row.denied || isDecision(err) != row.denied || u.Name != "" {
			t.Errorf("%s: got %q, %v", name, u.Name, err)
		}
	}
}

// C23: what is sent for a name tells nobody whether there is one.
func TestAnUnknownNameCostsWhatAKnownOneDoes(t *testing.T) {
	ops := func(name string, decoy string) (list []string, last ldap.Request) {
		f := ldap.NewFake(t, knowsAlice)
		l := atFake(f)
		l.DecoyDN = decoy
		_, err := open(t, t.Context(), l, newWorld(t).Env).Authenticate(t.Context(), basic(name, wrongCanary))
		if !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%s: got %v", name, err)
		}
		for _, r := range f.Asked() {
			list, last = append(list, r.Op), r
		}
		return list, last
	}
	known, _ := ops("alice", "")
	unknown, last := ops("nobody", "")
	if !slices.Equal(known, unknown) || len(known) != 3 {
		t.Errorf("known: %v, unknown: %v", known, unknown)
	}
	if last.Password != wrongCanary || !strings.HasSuffix(last.DN, ",ou=people,"+ldap.Base) || strings.Contains(last.DN, "nobody") {
		t.Errorf("the decoy is %+v", last)
	}
	if _, last = ops("nobody", "cn=decoy,"+ldap.Base); last.DN != "cn=decoy,"+ldap.Base {
		t.Errorf("the decoy is %+v", last)
	}
}

// The decoy's own password lets nobody in.
func TestTheDecoysPasswordIsNobodys(t *testing.T) {
	f := ldap.NewFake(t, knowsAlice)
	l := atFake(f)
	l.DecoyDN = aliceDN
	if u, err := open(t, t.Context(), l, newWorld(t).Env).Authenticate(t.Context(), basic("nobody", canary)); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("got %q, %v", u.Name, err)
	}
}

// C44: an empty password is a login as nobody, which succeeds.
func TestNothingIsSentThatIsNoPassword(t *testing.T) {
	for _, c := range []auth.Credential{
		basic("alice", ""), basic("alice", "\x00"), basic("alice", "pass\x00word"), basic("alice", strings.Repeat("x", 1025)), basic("", canary),
		basic("alice\x00", canary), basic(" alice", canary), basic("alice ", canary), basic(strings.Repeat("a", 129), canary), basic("\xff", canary),
	} {
		f := ldap.NewFake(t, func(ldap.Request) ldap.Reply { return ldap.Reply{Entries: []*goldap.Entry{alice}} })
		for _, l := range []*LDAP{atFake(f), {Config: directory.Config{URI: f.URI}, UserDN: "uid={username}," + ldap.Base, User: "uid", MaxConcurrent: 1}} {
			if u, err := open(t, t.Context(), l, newWorld(t).Env).Authenticate(t.Context(), c); !errors.Is(err, auth.ErrDenied) {
				t.Errorf("%.20q: got %q, %v", c.Username, u.Name, err)
			}
		}
		if n := f.Connections(); n != 0 {
			t.Errorf("%.20q: %d connections", c.Username, n)
		}
	}
}

// C44: who stands between can take StartTLS away, and gets no password for it.
func TestWithoutTheTLSThatIsConfiguredNothingIsSaid(t *testing.T) {
	for name, reply := range map[string]ldap.Reply{
		"StartTLS is not offered":        {Code: 2},
		"StartTLS is refused":            {Code: 52},
		"StartTLS is said and not begun": {},
		"a success is sent with it":      {Raw: []byte("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00")},
		"another answer":                 {Raw: []byte("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00")},
		"no answer":                      {Hang: true},
		"the connection ends":            {Drop: true},
	} {
		answer := func(r ldap.Request) ldap.Reply {
			if r.Op == "starttls" {
				return reply
			}
			return knowsAlice(r)
		}
		u, f, err := logIn(t, canary, answer, func(l *LDAP) { l.StartTLS = true })
		if isDecision(err) || u.Name != "" {
			t.Errorf("%s: got %q, %v", name, u.Name, err)
		}
		for _, r := range f.Asked() {
			if r.Op == "bind" || r.Op == "search" {
				t.Errorf("%s: was sent %+v", name, r)
			}
		}
	}
}

func TestADirectoryIsAskedSoManyQuestionsAtOnce(t *testing.T) {
	var now, most atomic.Int64
	f := ldap.NewFake(t, func(r ldap.Request) ldap.Reply {
		if r.Op == "search" {
			for n := now.Add(1); n > most.Load(); {
				most.Store(n)
			}
			time.Sleep(2 * time.Millisecond)
			now.Add(-1)
		}
		return knowsAlice(r)
	})
	l := atFake(f)
	l.MaxConcurrent = 3
	a := open(t, t.Context(), l, newWorld(t).Env)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := a.Authenticate(t.Context(), basic("alice", canary)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most.Load() > 3 || f.Connections() != 20 {
		t.Errorf("%d at once, %d connections", most.Load(), f.Connections())
	}
}

// C29: a directory that cannot be reached, or is silent, is left alone, and nothing of it stays behind.
func TestADirectoryThatIsGoneIsLeftAlone(t *testing.T) {
	f := ldap.NewFake(t, knowsAlice)
	f.Stop()
	w := newWorld(t)
	a := open(t, t.Context(), atFake(f), w.Env)
	for i := range 20 {
		if _, err := a.Authenticate(from(t.Context(), fmt.Sprintf("192.0.2.%d", i)), basic("alice", fmt.Sprint(i))); isDecision(err) {
			t.Fatalf("got %v", err)
		}
	}
	if w.metric(t, `gatehouse_breaker_open{provider_name="here"}`) != 1 {
		t.Error("the breaker is not open")
	}
}

func TestAQuestionThatEndsLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	f := ldap.NewFake(t, but("bind", ldap.Reply{Hang: true}))
	a := open(t, t.Context(), atFake(f), newWorld(t).Env)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := a.Authenticate(ctx, basic("alice", canary)); isDecision(err) {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
	f.Stop()
	until(t, "goroutines are gone", func() bool { return runtime.NumGoroutine() <= before+1 })
}

func TestATextWithAnEqualsSignIsNoDN(t *testing.T) {
	got := groupNames([]string{"cn=staff,ou=groups,dc=example", "2.5.4.3=users,dc=example", "urn:example:role=admin", "a b=c", "plain", "cn=staff,dc=other"})
	if want := []string{"staff", "users", "urn:example:role=admin", "a b=c", "plain"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
