package conf_test

import (
	"reflect"
	"testing"
)

func TestEnvironment(t *testing.T) {
	file := "version: file\nserver: {port: 1}\ntags: [a, b]\njwt: {secret: file}\nproviders:\n  - {type: remote, name: x}\n"
	for name, row := range map[string]struct {
		environ []string
		get     func(*sample) any
		want    any
	}{
		"it overrides the file":                 {[]string{"GATEHOUSE_VERSION=env"}, func(s *sample) any { return s.Version }, "env"},
		"it makes the sections that it needs":   {[]string{"GATEHOUSE_SERVER__TLS__CERT=/c"}, func(s *sample) any { return s.Server.TLS.Cert }, "/c"},
		"its neighbours in the file stay":       {[]string{"GATEHOUSE_SERVER__HOST=h"}, func(s *sample) any { return s.Server.listener }, listener{"h", 1}},
		"a value is literal":                    {[]string{"GATEHOUSE_JWT__SECRET= {a: *b} # \"c\""}, func(s *sample) any { return s.JWT.Secret }, secret(" {a: *b} # \"c\"")},
		"a value may hold an equals sign":       {[]string{"GATEHOUSE_VERSION=a=b"}, func(s *sample) any { return s.Version }, "a=b"},
		"an empty value is a value":             {[]string{"GATEHOUSE_VERSION="}, func(s *sample) any { return s.Version }, ""},
		"a value is typed by its field":         {[]string{"GATEHOUSE_SERVER__PORT=2"}, func(s *sample) any { return s.Server.Port }, uint16(2)},
		"a list may stand between commas":       {[]string{"GATEHOUSE_TAGS=x, y"}, func(s *sample) any { return s.Tags }, []string{"x", "y"}},
		"a list may be YAML":                    {[]string{`GATEHOUSE_TAGS=["x,1", y]`}, func(s *sample) any { return s.Tags }, []string{"x,1", "y"}},
		"a list may be empty":                   {[]string{"GATEHOUSE_TAGS="}, func(s *sample) any { return s.Tags }, []string(nil)},
		"a list of numbers, too":                {[]string{"GATEHOUSE_STEPS=1,2"}, func(s *sample) any { return s.Steps }, []int{1, 2}},
		"a number names an item":                {[]string{"GATEHOUSE_TAGS__1=x"}, func(s *sample) any { return s.Tags }, []string{"a", "x"}},
		"the next number adds one":              {[]string{"GATEHOUSE_TAGS__3=d", "GATEHOUSE_TAGS__2=c"}, func(s *sample) any { return s.Tags }, []string{"a", "b", "c", "d"}},
		"a list may begin in the environment":   {[]string{"GATEHOUSE_STEPS__0=7"}, func(s *sample) any { return s.Steps }, []int{7}},
		"a key of an item can be set":           {[]string{"GATEHOUSE_PROVIDERS__0__URI=u"}, func(s *sample) any { return s.Providers[0].Config }, &remote{URI: "u"}},
		"the exact names given are ignored":     {[]string{"GATEHOUSE_CONFIG=x", "AOT_CONFIG_PATH=y"}, func(s *sample) any { return s.Version }, "file"},
		"service links are ignored":             {[]string{"GATEHOUSE_PORT=tcp://10.0.0.1:80", "GATEHOUSE_SERVICE_HOST=10.0.0.1", "GATEHOUSE_SERVICE_PORT=80", "GATEHOUSE_SERVICE_PORT_HTTP=80", "GATEHOUSE_PORT_80_TCP=x", "GATEHOUSE_PORT_80_TCP_ADDR=y", "GATEHOUSE_JWT_SERVICE_HOST=z", "AOT_PORT_1_UDP_PROTO=udp"}, func(s *sample) any { return s.Version }, "file"},
		"AOT_ counts in any case":               {[]string{"aot_Version=a"}, func(s *sample) any { return s.Version }, "a"},
		"GATEHOUSE_ wins over AOT_":             {[]string{"GATEHOUSE_VERSION=g", "AOT_VERSION=a"}, func(s *sample) any { return s.Version }, "g"},
		"AOT_ takes off quotes":                 {[]string{`AOT_JWT__SECRET="12\"345"`}, func(s *sample) any { return s.JWT.Secret }, secret(`12"345`)},
		"AOT_ keeps a number's text":            {[]string{`AOT_JWT__SECRET=0123`}, func(s *sample) any { return s.JWT.Secret }, secret(`0123`)},
		"AOT_ knows a single sign":              {[]string{`AOT_VERSION='c'`}, func(s *sample) any { return s.Version }, "c"},
		"AOT_ keeps what it cannot parse":       {[]string{`AOT_VERSION='"12]`}, func(s *sample) any { return s.Version }, `'"12]`},
		"AOT_ keeps an open list as text":       {[]string{`AOT_VERSION=[a`}, func(s *sample) any { return s.Version }, `[a`},
		"AOT_ trims text":                       {[]string{`AOT_VERSION=  a b `}, func(s *sample) any { return s.Version }, "a b"},
		"AOT_ replaces a list whole":            {[]string{`AOT_TAGS=[x, "y,z" ,]`}, func(s *sample) any { return s.Tags }, []string{"x", "y,z"}},
		"AOT_ merges a mapping deep":            {[]string{`AOT_SERVER={host=h, tls={cert=/c}}`}, func(s *sample) any { return s.Server.listener }, listener{"h", 1}},
		"AOT_ nests":                            {[]string{`AOT_PROVIDERS=[{type=remote,"name"="n",uri=u}]`}, func(s *sample) any { return s.Providers }, []provider{{"remote", "n", &remote{URI: "u"}}}},
		"AOT_ reads booleans":                   {[]string{`AOT_INCLUDE_LEGACY_HEADERS=true`}, func(s *sample) any { return s.Legacy }, true},
		"other variables are not looked at":     {[]string{"VERSION=x", "GATEHOUSE_=x", "gatehouse_VERSION=x", "GATEHOUSE"}, func(s *sample) any { return s.Version }, "file"},
		"a path begins at the file's folder":    {[]string{"GATEHOUSE_SERVER__TLS__CAS=a,/b"}, func(s *sample) any { return s.Server.TLS.CAs }, []string{"a", "/b"}},
		"a map takes its keys in lower case":    {[]string{"GATEHOUSE_ROLES__ADMIN=a"}, func(s *sample) any { return s.Roles }, map[string][]string{"admin": {"a"}}},
		"a section with nothing becomes a list": {[]string{"GATEHOUSE_STEPS__0=1", "GATEHOUSE_STEPS__1=2"}, func(s *sample) any { return s.Steps }, []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			got, doc := read(file, row.environ...)
			wantFaults(t, doc, "")
			if !reflect.DeepEqual(row.get(got), row.want) {
				t.Errorf("got %#v, want %#v", row.get(got), row.want)
			}
		})
	}
}

func TestEnvironmentFaults(t *testing.T) {
	for variable, want := range map[string]string{
		"GATEHOUSE_JWT__SECRT=hunter2":                  `environment GATEHOUSE_JWT__SECRT: jwt.secrt: unknown key, did you mean "secret"?`,
		"GATEHOUSE_XYZZY__A=1":                          `environment GATEHOUSE_XYZZY__A: xyzzy: unknown key`,
		"GATEHOUSE_SERVR=1":                             `environment GATEHOUSE_SERVR: servr: unknown key, did you mean "server"?`,
		"GATEHOUSE_JWT_SECRET=hunter2":                  `environment GATEHOUSE_JWT_SECRET: jwt_secret: unknown key, did you mean GATEHOUSE_JWT__SECRET?`,
		"GATEHOUSE_IMAGE=x":                             `warning: environment GATEHOUSE_IMAGE: image: unknown key`,
		"GATEHOUSE_PORT=80":                             `warning: environment GATEHOUSE_PORT: port: unknown key`,
		"AOT_XYZZY__A=1":                                `warning: environment AOT_XYZZY__A: xyzzy: unknown key`,
		"AOT_JWT={secrt=hunter2}":                       `warning: environment AOT_JWT: jwt.secrt: unknown key, did you mean "secret"?`,
		"GATEHOUSE_SERVER__PORT=x":                      `environment GATEHOUSE_SERVER__PORT: server.port: want a whole number from 0 to 65535, not "x"`,
		"GATEHOUSE_SERVER=x":                            `environment GATEHOUSE_SERVER: server: want a mapping, not text`,
		"GATEHOUSE_TAGS__1=x":                           `environment GATEHOUSE_TAGS__1: tags: cannot set "1" in a list, want an index up to 0`,
		"GATEHOUSE_VERSION__A=x":                        `environment GATEHOUSE_VERSION__A: version: cannot set "a" in text`,
		"GATEHOUSE_TAGS=[a":                             `environment GATEHOUSE_TAGS: tags: want [a, b] or a, b`,
		"GATEHOUSE_PROVIDERS=[{type: plain, xyzzy: 1}]": `environment GATEHOUSE_PROVIDERS: providers[0].xyzzy: unknown key`,
	} {
		t.Run(variable, func(t *testing.T) {
			_, doc := read("version: 1\ntags: []", variable)
			wantFaults(t, doc, want)
		})
	}
}
