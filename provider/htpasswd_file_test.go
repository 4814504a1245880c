package provider

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gatehouse/auth"
	"gatehouse/password"
)

// files are password files, what is read of them, and what is told of the rest.
var files = []struct {
	name, text string
	users      map[string]string
	problems   []string // less the file's name
	torn       bool
}{
	{"nothing", "", nil, nil, false},
	{"one line", "alice:" + firstBcrypt + "\n", map[string]string{"alice": firstBcrypt}, nil, false},
	{"no newline at the end", "alice:" + firstBcrypt, map[string]string{"alice": firstBcrypt}, nil, false},
	{"lines of Windows", "alice:" + firstBcrypt + "\r\nbob:" + secondBcrypt + "\r\n", map[string]string{"alice": firstBcrypt, "bob": secondBcrypt}, nil, false},
	{"a line of Windows without its newline", "alice:" + firstBcrypt + "\r", map[string]string{"alice": firstBcrypt}, nil, false},
	{"comments and empty lines", "# users\n\n\r\n#alice:" + firstBcrypt + "\n#\n##\nbob:" + secondBcrypt + "\n# end", map[string]string{"bob": secondBcrypt}, nil, false},
	{"a hash mark further in", "a#b:" + firstBcrypt + "\n", map[string]string{"a#b": firstBcrypt}, nil, false},
	{"a line that begins with a carriage return", "\ralice:" + firstBcrypt + "\n", nil, nil, false},
	{"a comment after a space", " # note\n", nil, []string{"1: has no colon"}, false},
	{"more after the hash", "alice:" + firstBcrypt + ":Alice Liddell:more\n", map[string]string{"alice": firstBcrypt}, nil, false},
	{"a carriage return amid the line", "alice:" + firstBcrypt + "\rmore\n", map[string]string{"alice": firstBcrypt}, nil, false},
	{
		"twice a name", "alice:" + firstBcrypt + "\nalice:" + secondBcrypt + "\n",
		map[string]string{"alice": firstBcrypt},
		[]string{"2: an earlier line has the same name, and that one counts: delete it"},
		false,
	},
	{
		"twice a name, the first of no use", "alice:x\nalice:" + secondBcrypt + "\n", nil,
		[]string{"1: not a supported hash format", "2: an earlier line has the same name, and that one counts: delete it"},
		false,
	},
	{"two names that differ in case", "alice:" + firstBcrypt + "\nAlice:" + secondBcrypt + "\n", map[string]string{"alice": firstBcrypt, "Alice": secondBcrypt}, nil, false},
	{"no colon", "alice\nbob:" + secondBcrypt + "\n", map[string]string{"bob": secondBcrypt}, []string{"1: has no colon"}, false},
	{"a hash alone", firstBcrypt + "\n", nil, []string{"1: has no colon"}, false},
	{"no name", ":" + firstBcrypt + "\n", nil, []string{"1: the name is empty"}, false},
	{"no hash", "alice:\nbob::" + firstBcrypt + "\n", nil, []string{"1: no hash at all", "2: no hash at all"}, false},
	{"a space within a name", "alice liddell:" + firstBcrypt + "\n", map[string]string{"alice liddell": firstBcrypt}, nil, false},
	{
		"outer space at a name", " alice:" + firstBcrypt + "\nalice :" + firstBcrypt + "\n\talice:" + firstBcrypt + "\n", nil,
		[]string{"1: the name begins or ends with white space", "2: the name begins or ends with white space", "3: the name begins or ends with white space"},
		false,
	},
	{
		"outer space at a hash", "alice: " + firstBcrypt + "\nbob:" + secondBcrypt + " \n", nil,
		[]string{"1: not a supported hash format", "2: bcrypt: the digest is cut off or damaged"},
		false,
	},
	{
		"a byte order mark", "\xef\xbb\xbfalice:" + firstBcrypt + "\nbob:" + secondBcrypt + "\n",
		map[string]string{"bob": secondBcrypt},
		[]string{"1: the name has a control, format or line-separator character"},
		false,
	},
	{"a NUL in a name", "al\x00ice:" + firstBcrypt + "\n", nil, []string{"1: the name has a control, format or line-separator character"}, false},
	{
		"a NUL in a hash", "alice:" + firstBcrypt + "\x00\nbob:" + firstBcrypt[:20] + "\x00" + firstBcrypt[21:] + "\n", nil,
		[]string{"1: bcrypt: the digest is cut off or damaged", "2: bcrypt: the digest is cut off or damaged"},
		false,
	},
	{"a name that is not UTF-8", "al\xffice:" + firstBcrypt + "\n", nil, []string{"1: the name is not valid UTF-8"}, false},
	{
		"lines of 70 kB", "#" + strings.Repeat("c", 70_000) + "\n" + strings.Repeat("n", 70_000) + ":" + firstBcrypt + "\nbob:$6$" + strings.Repeat("x", 70_000) + "\n" +
			strings.Repeat("y", 70_000) + "\nalice:" + firstBcrypt + ":" + strings.Repeat("z", 70_000) + "\ncarol:" + secondBcrypt + "\n",
		map[string]string{"alice": firstBcrypt, "carol": secondBcrypt},
		[]string{"2: the name is longer than 128 bytes", "3: sha512-crypt: the salt is damaged", "4: has no colon"},
		false,
	},
	{"a password that is no hash", "alice:open sesame\nbob:hunter2\n", nil, []string{"1: not a supported hash format", "2: not a supported hash format"}, false},
	{"a bcrypt of a cost that nobody can pay", "alice:$2y$31$" + firstBcrypt[7:] + "\n", nil, []string{"1: bcrypt: cost 31 is not within 4 to 14"}, false},
	{
		"a last line that stops in the middle", "alice:" + firstBcrypt + "\nbob:" + secondBcrypt[:40],
		map[string]string{"alice": firstBcrypt},
		[]string{"2: bcrypt: the digest is cut off or damaged"},
		true,
	},
	{"a last line that stops in the name", "alice:" + firstBcrypt + "\nbo", map[string]string{"alice": firstBcrypt}, []string{"2: has no colon"}, true},
	{"a bad line amid the file", "alice:x\nbob:" + secondBcrypt, map[string]string{"bob": secondBcrypt}, []string{"1: not a supported hash format"}, false},
	{
		"a whole last line that is never used", "alice:" + firstBcrypt + "\nalice:" + secondBcrypt,
		map[string]string{"alice": firstBcrypt},
		[]string{"2: an earlier line has the same name, and that one counts: delete it"},
		false,
	},
}

func TestPasswordFilesAreReadAsNginxReadsThem(t *testing.T) {
	for _, c := range files {
		t.Run(c.name, func(t *testing.T) {
			v := parseUsers(c.text, "FILE", false)
			if users := maps.Collect(v.users.all()); !maps.Equal(users, c.users) {
				t.Errorf("users %v, want %v", slices.Sorted(maps.Keys(users)), slices.Sorted(maps.Keys(c.users)))
			}
			var got []string
			for _, p := range v.problems {
				got = append(got, strings.TrimPrefix(p.String(), "FILE:"))
			}
			if !slices.Equal(got, c.problems) {
				t.Errorf("problems %q, want %q", got, c.problems)
			}
			if v.torn != c.torn {
				t.Errorf("torn %t, want %t", v.torn, c.torn)
			}
		})
	}
}

// opened returns the provider of a file with this content, which is not followed.
func opened(t testing.TB, w *world, h Htpasswd, text string) (*htpasswd, *follower) {
	t.Helper()
	if h.File == "" {
		h.File = filepath.Join(t.TempDir(), "users")
	}
	writeFile(t, h.File, text)
	a := &htpasswd{Htpasswd: h, env: w.Env}
	follow, err := newFollower(a)
	if err != nil {
		t.Fatal(err)
	}
	return a, follow
}

func login(t testing.TB, a auth.Authenticator, name, secret string) outcome {
	t.Helper()
	return outcomeOf(a.Authenticate(t.Context(), basic(name, secret)))
}

func TestWeakHashesLogInOnlyWhereTheyAreAllowed(t *testing.T) {
	for _, c := range []struct {
		name, hash   string
		strict, weak outcome
	}{
		{"bcrypt", firstBcrypt, aUser, aUser},
		{"bcrypt 2b", "$2b" + firstBcrypt[3:], aUser, aUser},
		{"bcrypt 2a", "$2a" + firstBcrypt[3:], aUser, aUser},
		{"apr1", firstApr1, aUser, aUser},
		{"sha256-crypt", firstSHA256, aUser, aUser},
		{"sha512-crypt", firstSHA512, aUser, aUser},
		{"yescrypt", firstYes, aUser, aUser},
		{"argon2id", firstArgon, aUser, aUser},
		{"md5-crypt", firstMD5, denied, aUser},
		{"{SHA}", firstSHA, denied, aUser},
		{"{SSHA}", firstSSHA, denied, aUser},
		{"{PLAIN}", firstPlain, denied, aUser},
		{"the clear text", first, denied, denied},
		{"go-crypt's clear text", "$plaintext$" + first, denied, denied},
		{"bcrypt 2x", "$2x" + firstBcrypt[3:], denied, denied},
		{"DES", "WRRdn63r/jT0I", denied, denied},
		{"small letters", "{sha}W8r/fyL/UzygmbNAjq2HbA67qac=", denied, denied},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, weak := range []bool{false, true} {
				want := c.strict
				if weak {
					want = c.weak
				}
				a, _ := opened(t, newWorld(t), Htpasswd{WeakHashes: weak}, "alice:"+c.hash+"\nbob:"+secondBcrypt+"\n")
				if got := login(t, a, "alice", first); got != want {
					t.Errorf("weak %t: got %s, want %s", weak, got, want)
				}
				for _, wrong := range []string{"open sesam", "open sesame ", "", c.hash, "opensesa"} {
					if wrong != first && login(t, a, "alice", wrong) != denied {
						t.Errorf("weak %t: accepts %q", weak, wrong)
					}
				}
				if got := login(t, a, "bob", second); got != aUser {
					t.Errorf("everybody else: %s", got)
				}
			}
		})
	}
}

func TestAnUnusableLineIsLoggedByItsNumberOnly(t *testing.T) {
	w := newWorld(t)
	_, _ = opened(t, w, Htpasswd{}, "alice:"+firstBcrypt+"\nmallory:"+canary+"\ncanary\n"+strings.Repeat("x:"+canary+"\n", 40))
	if n := strings.Count(w.log.String(), "line cannot be used"); n != 20 {
		t.Errorf("%d lines logged", n)
	}
	if !strings.Contains(w.log.String(), `"line":2`) || !strings.Contains(w.log.String(), `"more":22`) {
		t.Error(w.log)
	}
	if shows(w.log.String(), canary) || strings.Contains(w.log.String(), "mallory") {
		t.Errorf("shows the line: %s", w.log)
	}
	if n := w.metric(t, `gatehouse_file_unusable_lines{provider_name="here"}`); n != 42 {
		t.Errorf("counts %v", n)
	}
}

func TestGroupFiles(t *testing.T) {
	for _, c := range []struct {
		name, text string
		groups     map[string][]string
		problems   []string
	}{
		{"nothing", "", nil, nil},
		{"two groups", "staff: alice bob\nadmin: alice\n", map[string][]string{"alice": {"staff", "admin"}, "bob": {"staff"}}, nil},
		{"without a space, with many, of Windows, and without a newline", "staff:alice\t  bob \r\nadmin :alice", map[string][]string{"alice": {"staff", "admin"}, "bob": {"staff"}}, nil},
		{"comments and empty lines", "# x: alice\n\n  \n\r\nstaff: alice\n", map[string][]string{"alice": {"staff"}}, nil},
		{"nobody in it", "staff:\n", nil, nil},
		{"a group on two lines", "staff: alice\nstaff: bob\n", map[string][]string{"alice": {"staff"}, "bob": {"staff"}}, nil},
		{
			"lines of no use", "alice bob\n: alice\n\x01: alice\n\xff: alice\nstaff: alice\n",
			map[string][]string{"alice": {"staff"}},
			[]string{"1: has no colon", "2: the group is empty", "3: the group has a control, format or line-separator character", "4: the group is not valid UTF-8"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			groups, problems := parseGroups(c.text, "FILE")
			if len(groups)+len(c.groups) > 0 && !reflect.DeepEqual(groups, c.groups) {
				t.Errorf("got %v", groups)
			}
			var got []string
			for _, p := range problems {
				got = append(got, strings.TrimPrefix(p.String(), "FILE:"))
			}
			if !slices.Equal(got, c.problems) {
				t.Errorf("got %q, want %q", got, c.problems)
			}
		})
	}
}

func TestGroupsAreRoles(t *testing.T) {
	groups := filepath.Join(t.TempDir(), "groups")
	writeFile(t, groups, "staff: alice bob\nadmin: alice\n")
	a, _ := opened(t, newWorld(t), Htpasswd{GroupFile: groups}, "alice:"+firstBcrypt+"\nbob:"+firstBcrypt+"\ncarol:"+firstBcrypt+"\n")
	for name, want := range map[string]string{"alice": "[staff admin]", "bob": "[staff]", "carol": "[]"} {
		if u, err := a.Authenticate(t.Context(), basic(name, first)); err != nil || fmt.Sprint(u.Roles) != want {
			t.Errorf("%s: got %v, %v", name, u.Roles, err)
		}
	}
}

func TestWhatCannotBeReadStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	pipe, good := filepath.Join(dir, "pipe"), filepath.Join(dir, "good")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	writeFile(t, good, "alice:"+firstBcrypt+"\n")
	for name, h := range map[string]*Htpasswd{
		"no file":              {File: filepath.Join(dir, "none")},
		"a folder":             {File: dir},
		"a pipe":               {File: pipe},
		"a device":             {File: os.DevNull},
		"a file for a folder":  {File: filepath.Join(good, "users")},
		"no group file":        {File: good, GroupFile: filepath.Join(dir, "none")},
		"a folder for a group": {File: good, GroupFile: dir},
	} {
		if a, err := h.Open(t.Context(), newWorld(t).Env); err == nil || a != nil {
			t.Errorf("%s: got %v, %v", name, a, err)
		}
	}
}

// FuzzParseUsers puts a canary anywhere in a file. No problem may show a piece of it, and whoever is
// accepted has a line of his own, the first of his name, with a hash that can be read.
func FuzzParseUsers(f *testing.F) {
	for _, c := range files {
		if len(c.text) < 10_000 {
			f.Add(c.text, uint(len(c.text)/2), true)
		}
	}
	for _, hash := range []string{firstMD5, firstSHA, firstSSHA, firstPlain, firstYes, firstArgon, firstSHA256, firstSHA512, firstApr1, "WRRdn63r/jT0I", "$2x$04$", "{SSHA512}", "_J9..", "$gy$", "{PLAIN}"} {
		f.Add("alice:"+hash+"\nalice:"+firstBcrypt, uint(9), true)
		f.Add("alice:"+hash, uint(12), false)
	}
	const fuzzCanary = "Zq7XwKp"
	f.Fuzz(func(t *testing.T, text string, at uint, weak bool) {
		checkAccepted(t, text, weak)
		at %= uint(len(text) + 1)
		v := checkAccepted(t, text[:at]+fuzzCanary+text[at:], weak)
		for _, p := range v.problems {
			for i := range len(fuzzCanary) - 2 {
				if strings.Contains(p.String(), fuzzCanary[i:i+3]) {
					t.Errorf("shows the line: %s", p)
				}
			}
		}
		for _, p := range v.problems {
			if len(p.String()) > 150 {
				t.Errorf("says too much: %s", p)
			}
		}
	})
}

func checkAccepted(t *testing.T, text string, weak bool) *version {
	v := parseUsers(text, "F", weak)
	for name, hash := range v.users.all() {
		if _, err := password.Parse(hash, weak); err != nil {
			t.Errorf("accepts %q with %q: %v", name, hash, err)
		}
		if err := auth.CheckName(name); err != nil || strings.ContainsAny(name[:1], "#\r") {
			t.Errorf("accepts the name %q: %v", name, err)
		}
		if want, ok := firstHash(text, name); !ok || want != hash {
			t.Errorf("%q has %q, and %q was read", name, want, hash)
		}
	}
	return v
}

// firstHash looks for one name as nginx does: byte by byte at the beginning of each line.
func firstHash(text, name string) (string, bool) {
	for line := range strings.SplitSeq(text, "\n") {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			end := strings.IndexFunc(rest, func(r rune) bool { return r == ':' || r == '\r' })
			if end >= 0 {
				rest = rest[:end]
			}
			return rest, true
		}
	}
	return "", false
}

func TestAGoneFileIsNoDecisionAndNotAnUnknownUser(t *testing.T) {
	a, _ := opened(t, newWorld(t), Htpasswd{}, "alice:"+firstBcrypt+"\n")
	a.current.Store(nil)
	if _, err := a.Authenticate(t.Context(), basic("alice", first)); !errors.Is(err, errGone) {
		t.Errorf("got %v", err)
	}
}
