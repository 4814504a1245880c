package faults_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/e2e/rig"
)

// oddNames can stand for nobody: a header, a log line and a token would read them in different ways.
var oddNames = map[string]string{
	"a line break and a header":   "al\r\nX-Auth-Roles: admin",
	"a line feed":                 "al\nX",
	"a carriage return":           "al\rX",
	"a zero":                      "al\x00",
	"a control character":         "al\x01ice",
	"an escape":                   "al\x1b[2Jice",
	"a delete":                    "al\x7f",
	"a C1 control character":      "al\u0085ice",
	"a line separator":            "al\u2028ice",
	"a paragraph separator":       "al\u2029ice",
	"an override of direction":    "al\u202eice",
	"a space of no width":         "al\u200bice",
	"a byte order mark":           "\ufeffalice",
	"a space before":              " alice",
	"a space behind":              "alice ",
	"a tab before":                "\talice",
	"a tab behind":                "alice\t",
	"a space that does not break": "\u00a0alice",
	"300 bytes":                   strings.Repeat("a", 300),
	"129 bytes":                   strings.Repeat("a", 129),
	"nothing":                     "",
	"white space":                 " ",
	"a replaced character":        "al\ufffdice",
}

// plainNames are unusual and usable: they must arrive as they are, byte for byte.
var plainNames = []string{
	"alice", "käthe", "ka\u0308the", "Ωμέγα", "山田", "a b", "a,b", "a;b=c", `a"b`, `a\b`, "a%0d%0ab", "a@evil@good", "<script>", "{}",
	"X-Auth-Roles: admin", "null", "a=b", "a'b", "🙂", strings.Repeat("a", 128), strings.Repeat("é", 64), "#alice", "-", "alice:", "\u00ffx",
}

// C04, C05: nobody whom a service names in an odd way is let in.
func TestAnOddNameLetsNobodyIn(t *testing.T) {
	s := start(t, false)
	h := open(t, strings.ReplaceAll(`
  - { name: key, type: http, realm: key, url: "http://ADDRESS/me", user: user.id, roles: user.roles }
  - { name: ecmwf, type: ecmwf-api, realm: ecmwf, uri: "http://ADDRESS/v1" }`, "ADDRESS", s.address))
	n := 0
	refused := func(name, realm, body string) {
		n++
		k := key("odd", n)
		s.mu.Lock()
		s.answers[k] = body
		s.mu.Unlock()
		for _, when := range []string{"first", "again"} {
			if got := h.ask(t, realm, bearer(k)); got.status != 403 && got.status != 503 {
				t.Errorf("%s, at %s, %s: %d %q", name, realm, when, got.status, got.header)
			}
		}
	}
	for name, odd := range oddNames {
		refused("a name with "+name, "ecmwf", `{"uid":`+quoted(odd)+`}`)
		refused("a name with "+name, "key", `{"user":{"id":`+quoted(odd)+`}}`)
		refused("a role with "+name, "key", `{"user":{"id":"alice","roles":["staff",`+quoted(odd)+`]}}`)
		if odd != "" {
			refused("one role with "+name, "key", `{"user":{"id":"alice","roles":`+quoted(odd)+`}}`)
		}
	}
	for _, value := range []string{`null`, `1`, `1e999`, `true`, `[]`, `["root"]`, `{}`, `{"id":"root"}`, `"\ud800"`, "\"al\xffice\"", "\"\xc0\xae\""} {
		refused("the name "+value, "ecmwf", `{"uid":`+value+`}`)
		refused("the name "+value, "key", `{"user":{"id":`+value+`}}`)
		refused("the role "+value, "key", `{"user":{"id":"alice","roles":["staff",`+value+`]}}`)
	}
	for _, body := range []string{`{}`, `{"id":"root"}`, `{"user":"root"}`, `{"user":["root"]}`, `{"user.id":"root"}`, `{"User":{"Id":"root"}}`} {
		refused("the answer "+body, "key", body)
	}
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// C05: whom a service names in an unusual way is let in by exactly that name, once, in header and token.
func TestAnUnusualNameArrivesByteForByte(t *testing.T) {
	s := start(t, false)
	for i, name := range plainNames {
		s.answers[key("name", i)] = fmt.Sprintf(`{"uid":%s,"roles":["x",%s]}`, quoted(name), quoted(name))
	}
	lines, groups, fileNames := "", "", []string{}
	hash, err := bcrypt.GenerateFromPassword([]byte(canary), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range plainNames {
		lines += name + ":" + string(hash) + "\n"
		if !strings.ContainsAny(name, ":#") { // nginx would end the name there, or take the line for a comment
			fileNames = append(fileNames, name)
			if !strings.Contains(name, " ") {
				groups += name + ": " + name + "\n"
			}
		}
	}
	folder := rig.Folder(t)
	rig.Write(t, filepath.Join(folder, "odd.htpasswd"), lines)
	rig.Write(t, filepath.Join(folder, "odd.groups"), groups)
	users := ""
	for _, name := range fileNames {
		users += fmt.Sprintf("{ username: %s, password: %q, roles: [x, %s] },", quoted(name), canary, quoted(name))
	}
	h := open(t, strings.NewReplacer("ADDRESS", s.address, "FOLDER", folder, "USERS", users).Replace(`
  - { name: key, type: http, realm: key, url: "http://ADDRESS/me", user: uid, roles: roles }
  - { name: ecmwf, type: ecmwf-api, realm: ecmwf, uri: "http://ADDRESS/v1" }
  - { name: odd, type: htpasswd, realm: odd, file: FOLDER/odd.htpasswd, group_file: FOLDER/odd.groups }
  - { name: plain, type: plain, realm: plain, users: [USERS] }`))
	for i, name := range plainNames {
		for _, realm := range []string{"key", "ecmwf"} {
			wantBytes(t, h, realm, bearer(key("name", i)), name)
		}
	}
	for _, name := range fileNames {
		for _, realm := range []string{"odd", "plain"} {
			wantBytes(t, h, realm, basic(name, canary), name)
		}
	}
}

// wantBytes wants 200, and each identity header once on the wire with the bytes that the token says.
func wantBytes(t *testing.T, h *house, realm, authorization, name string) {
	t.Helper()
	for _, when := range []string{"first", "remembered"} {
		head := rawHead(t, h.Socket, realm, authorization)
		if !strings.HasPrefix(head, "HTTP/1.1 200 ") {
			t.Errorf("%q of %s, %s: %.40q", name, realm, when, head)
			return
		}
		claims := struct {
			Username, Realm, Sub string
			Roles                []string
		}{}
		parts := strings.Split(onceIn(t, head, "Authorization"), ".")
		payload, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
		if err == nil {
			err = json.Unmarshal(payload, &claims)
		}
		if err != nil {
			t.Errorf("%q of %s: %v", name, realm, err)
			return
		}
		fit := []string{}
		for _, r := range claims.Roles {
			if !strings.Contains(r, ",") {
				fit = append(fit, r)
			}
		}
		for header, want := range map[string]string{
			"X-Auth-Username": claims.Username, "X-Auth-Realm": claims.Realm, "X-Auth-Roles": strings.Join(fit, ","),
		} {
			if got := onceIn(t, head, header); got != want {
				t.Errorf("%q of %s, %s: %s is %q, and the token says %q", name, realm, when, header, got, want)
			}
		}
		if claims.Username != name || claims.Realm != realm || claims.Sub != realm+"-"+name {
			t.Errorf("%q of %s, %s: the token says %+v", name, realm, when, claims)
		}
	}
}

// rawHead is the head of gatehouse's answer, as its bytes are.
func rawHead(t *testing.T, socket, realm, authorization string) string {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(conn, "GET /authenticate HTTP/1.1\r\nHost: x\r\nX-Auth-Realm: %s\r\nAuthorization: %s\r\nConnection: close\r\n\r\n", realm, authorization)
	all, err := io.ReadAll(bufio.NewReader(conn))
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(all), "\r\n\r\n")
	if strings.Contains(strings.ReplaceAll(head, "\r\n", ""), "\n") {
		t.Errorf("a bare line feed in %q", head)
	}
	return head
}

// onceIn is the value of a header that stands in head once.
func onceIn(t *testing.T, head, name string) string {
	t.Helper()
	values := []string{}
	for _, line := range strings.Split(head, "\r\n")[1:] {
		if is, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(is, name) {
			values = append(values, strings.TrimPrefix(value, " "))
		}
	}
	if len(values) != 1 {
		t.Errorf("%d times %s in %q", len(values), name, head)
		return ""
	}
	return values[0]
}

// C04, C05: nobody can log in by a line of a password file with an odd name, and no odd group is a role; the other
// lines are as good as ever.
func TestAnOddLineOfAPasswordFileLetsNobodyIn(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte(canary), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	lines, groups := "", "staff: alice\n"
	for _, odd := range oddNames {
		if strings.ContainsAny(odd, "\n") {
			continue // is two lines
		}
		lines += odd + ":" + string(hash) + "\n"
		groups += odd + ": alice\n"
	}
	folder := rig.Folder(t)
	rig.Write(t, filepath.Join(folder, "odd.htpasswd"), lines+"alice:"+string(hash)+"\n")
	rig.Write(t, filepath.Join(folder, "odd.groups"), groups)
	if _, err := os.Stat(folder); err != nil {
		t.Fatal(err)
	}
	h := open(t, strings.ReplaceAll(`
  - { name: odd, type: htpasswd, realm: odd, file: FOLDER/odd.htpasswd, group_file: FOLDER/odd.groups }`, "FOLDER", folder))
	for name, odd := range oddNames {
		for _, realm := range []string{"odd", ""} {
			if got := h.ask(t, realm, basic(odd, canary)); got.status != 401 && got.status != 403 {
				t.Errorf("%s: %d %q", name, got.status, got.header)
			}
		}
	}
	got := h.ask(t, "odd", basic("alice", canary))
	if got.status != 200 {
		t.Fatalf("alice got %d", got.status)
	}
	roles := strings.Split(got.header.Get("X-Auth-Roles"), ",")
	for _, r := range roles {
		if r != "staff" && r != "alice" { // a group's name is read without the white space around it
			t.Errorf("alice has the roles %q", roles)
		}
	}
}
