package conf_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/conf"
)

// sample has one of each: every kind of field, a list of variants, twins, and inlined fields.
type sample struct {
	Version   string              `yaml:"version" doc:"Selects the schema."`
	Server    server              `yaml:"server"`
	JWT       token               `yaml:"jwt"`
	Providers []provider          `yaml:"providers"`
	Roles     map[string][]string `yaml:"roles"`
	Policies  map[string]*policy  `yaml:"policies"`
	Legacy    bool                `yaml:"include_legacy_headers"`
	Ratio     float64             `yaml:"ratio"`
	Offset    int8                `yaml:"offset"`
	Tags      []string            `yaml:"tags"`
	Steps     []int               `yaml:"steps"`
	Mode      mode                `yaml:"mode"`
	Notes     string              `yaml:"-"`
	state     int                 //lint:ignore U1000 an unexported field is no key
}

type server struct {
	listener `yaml:",inline"`
	Wait     time.Duration `yaml:"wait"`
	TLS      *tls          `yaml:"tls"`
}

type listener struct {
	Host string `yaml:"host"`
	Port uint16 `yaml:"port" doc:"TCP port."`
}

type tls struct {
	Cert string   `yaml:"cert" path:"true"`
	CAs  []string `yaml:"cas" path:"true"`
}

type secret string

type token struct {
	Secret secret  `yaml:"secret" secret:"true"`
	Pepper *string `yaml:"pepper" secret:"true"`
	Level  string  `yaml:"level" enum:"low,high"`
	Count  *int    `yaml:"count"`
}

func (token) IgnoredKeys() map[string]string {
	return map[string]string{"aud": "has no effect: no audience is checked"}
}

type policy struct {
	Realm string `yaml:"realm"`
}

// mode is a file's mode, in octal.
type mode uint32

func (m *mode) UnmarshalText(b []byte) error {
	*m = 0
	for _, c := range b {
		if c < '0' || c > '7' {
			return errMode
		}
		*m = *m<<3 | mode(c-'0')
	}
	return nil
}

type modeError string

func (e modeError) Error() string { return string(e) }

const errMode = modeError("want an octal mode such as 0600")

type provider struct {
	Type   string `yaml:"type"`
	Name   string `yaml:"name"`
	Config any
}

type plain struct {
	Users []struct {
		Username string `yaml:"username"`
		Password string `yaml:"password" secret:"true"`
	} `yaml:"users"`
}

type remote struct {
	URI string `yaml:"uri"`
	Key string `yaml:"key" secret:"true"`
}

func (remote) IgnoredKeys() map[string]string {
	return map[string]string{"iam_realm": "has no effect"}
}

func (p *provider) Variant(kind string) (any, []string) {
	p.Config = map[string]any{"plain": &plain{}, "remote": &remote{}}[kind]
	return p.Config, []string{"plain", "remote"}
}

func defaults() *sample {
	return &sample{
		Server: server{listener: listener{Host: "0.0.0.0", Port: 8080}, Wait: time.Minute},
		JWT:    token{Secret: "built-in-secret", Level: "low"},
		Tags:   []string{"default"},
	}
}

// read decodes a document that stands in config.yaml, with variables of both prefixes.
func read(text string, environ ...string) (*sample, *conf.Document) {
	return readAt("config.yaml", text, environ...)
}

func readAt(file, text string, environ ...string) (*sample, *conf.Document) {
	into, doc := defaults(), conf.Parse(file, []byte(text))
	doc.MergeEnv("AOT_", environ, conf.Figment, "AOT_CONFIG_PATH")
	doc.MergeEnv("GATEHOUSE_", environ, conf.Literal, "GATEHOUSE_CONFIG")
	doc.Decode(into, false)
	return into, doc
}

func lines(faults []conf.Fault) string {
	var all []string
	for _, f := range faults {
		all = append(all, f.String())
	}
	return strings.Join(all, "\n")
}

// wantFaults compares the whole list, one a line.
func wantFaults(t *testing.T, doc *conf.Document, want string) {
	t.Helper()
	if got := lines(doc.Faults()); got != strings.TrimSpace(want) {
		t.Errorf("got faults\n%s\nwant\n%s", got, strings.TrimSpace(want))
	}
}
