package conf_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// folder holds a configuration's neighbours.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"unix":  "from file\n",
		"dos":   "from file\r\n",
		"bare":  "from file",
		"two":   "from file\n\n",
		"large": strings.Repeat("x", 64<<10+1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSecretFiles(t *testing.T) {
	dir := folder(t)
	for name, row := range map[string]struct {
		text, variable string
		want           secret
	}{
		"a newline at the end is not content":    {"jwt: {secret_file: unix}", "", "from file"},
		"nor is that of DOS":                     {"jwt: {secret_file: dos}", "", "from file"},
		"there need not be one":                  {"jwt: {secret_file: bare}", "", "from file"},
		"only one is taken off":                  {"jwt: {secret_file: two}", "", "from file\n"},
		"a path may be absolute":                 {"jwt: {secret_file: " + dir + "/unix}", "", "from file"},
		"a twin in the environment wins":         {"jwt: {secret: a}", "GATEHOUSE_JWT__SECRET_FILE=unix", "from file"},
		"a secret in the environment wins":       {"jwt: {secret_file: nowhere}", "GATEHOUSE_JWT__SECRET=b", "b"},
		"that of auth-o-tron wins over the file": {"jwt: {secret_file: nowhere}", "AOT_JWT__SECRET=b", "b"},
	} {
		t.Run(name, func(t *testing.T) {
			got, doc := readAt(dir+"/config.yaml", row.text, row.variable)
			wantFaults(t, doc, "")
			if got.JWT.Secret != row.want {
				t.Errorf("got %q, want %q", got.JWT.Secret, row.want)
			}
		})
	}
}

func TestSecretFileFaults(t *testing.T) {
	dir := folder(t)
	for text, want := range map[string]string{
		"jwt: {secret: hunter2, secret_file: unix}": "secret is set as well, want only one of the two",
		"jwt: {secret_file: nowhere}":               "stat " + dir + "/nowhere: no such file or directory",
		"jwt: {secret_file: .}":                     dir + " is not a regular file",
		"jwt: {secret_file: large}":                 dir + "/large is larger than 65536 bytes",
		"jwt: {secret_file: }":                      "want the name of a file, not nothing",
		"jwt: {secret_file: ''}":                    "names no file",
	} {
		_, doc := readAt(dir+"/config.yaml", text)
		wantFaults(t, doc, dir+"/config.yaml:1: jwt.secret_file: "+want)
	}
}

// A pipe is not waited for, and what comes by it is not read: at a reload it would be empty.
func TestASecretIsNotReadFromAPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(dir+"/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(dir+"/pipe", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.WriteString("hunter2"); err != nil {
		t.Fatal(err)
	}
	end := time.AfterFunc(time.Second, func() { _ = writer.Close() }) // for a reader who waits for the end
	defer end.Stop()
	_, doc := readAt(dir+"/config.yaml", "jwt: {secret_file: pipe}")
	wantFaults(t, doc, dir+"/config.yaml:1: jwt.secret_file: "+dir+"/pipe is not a regular file")
}

func TestSecretOfAPointerAndOfAVariant(t *testing.T) {
	got, doc := readAt(folder(t)+"/config.yaml", `
jwt: {pepper_file: unix}
providers:
  - {type: remote, key_file: dos}
  - {type: plain, users: [{username: a, password_file: bare}]}`)
	wantFaults(t, doc, "")
	key, password := got.Providers[0].Config.(*remote).Key, got.Providers[1].Config.(*plain).Users[0].Password
	if *got.JWT.Pepper != "from file" || key != "from file" || password != "from file" {
		t.Errorf("got %q, %q, %q", *got.JWT.Pepper, key, password)
	}
}

func TestNoFaultShowsASecret(t *testing.T) {
	type strict struct {
		Enum string `yaml:"enum" secret:"true" enum:"a,b"`
		Mode mode   `yaml:"mode" secret:"true"`
		Port int    `yaml:"port" secret:"true"`
	}
	doc := parse("enum: hunter2\nmode: hunter2\nport: hunter2\nother: hunter2\n")
	doc.Decode(&strict{}, false)
	if got := lines(doc.Faults()); strings.Contains(got, "hunter2") || strings.Count(got, "\n") != 3 {
		t.Errorf("got\n%s", got)
	}
}
