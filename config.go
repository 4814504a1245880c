package main

import (
	"maps"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/gate"
	"gatehouse/jwt"
	"gatehouse/provider"
	"gatehouse/role"
	"gatehouse/server"
)

// The values of the key version. 1.0.0 and 2.0.0 are auth-o-tron's.
const (
	version1 = "1.0.0"
	version2 = "2.0.0"
	version3 = "3"
)

// Config is config.yaml. Each room's section is declared in its room.
type Config struct {
	Version     string           `yaml:"version" enum:"1.0.0,2.0.0,3" doc:"Which keys there are: 3 is gatehouse's, 1.0.0 and 2.0.0 are auth-o-tron's."`
	BindAddress string           `yaml:"bind_address" doc:"Version 1.0.0 only: HOST:PORT to listen on."`
	Server      server.Config    `yaml:"server" doc:"Where gatehouse listens, and the shape of its answers."`
	Metrics     Metrics          `yaml:"metrics" doc:"Where /metrics is shown."`
	Logging     Logging          `yaml:"logging" doc:"What is logged, and how."`
	Audit       Audit            `yaml:"audit" doc:"The record of logins."`
	Auth        Auth             `yaml:"auth" doc:"How a decision is made."`
	Throttle    Throttle         `yaml:"throttle" doc:"Who has to wait after failed logins."`
	Providers   []provider.Entry `yaml:"providers" doc:"Who is asked, in this order."`
	Augmenters  []role.Entry     `yaml:"augmenters" doc:"What is added to a user."`
	Policies    Policies         `yaml:"policies" doc:"What a location demands, by the name that it puts behind /authenticate/."`
	JWT         jwt.Config       `yaml:"jwt" doc:"The token that goes out."`
	StateDir    string           `yaml:"state_dir" path:"true" doc:"Where gatehouse keeps what it makes itself. Default: $STATE_DIRECTORY, which systemd sets."`
	Store       Store            `yaml:"store" doc:"auth-o-tron's token store."`
	Legacy      *bool            `yaml:"include_legacy_headers" doc:"Versions 1.0.0 and 2.0.0 only: the headers are always sent."`
}

// Metrics is the section metrics.
type Metrics struct {
	Enabled bool   `yaml:"enabled" doc:"Whether there are metrics."`
	Host    string `yaml:"host" doc:"The address to show them on. Default: 127.0.0.1; in versions 1.0.0 and 2.0.0 that of the server."`
	Port    int    `yaml:"port" doc:"The port to show them on; 0 takes a free one."`
}

// Logging is the section logging.
type Logging struct {
	Level   string `yaml:"level" enum:"trace,debug,info,warn,error" doc:"The least important lines to write."`
	Format  string `yaml:"format" doc:"json: one object a line; console: for people."`
	Service string `yaml:"service_name" doc:"The name that JSON lines bear."`
	Release string `yaml:"service_version" doc:"The version that JSON lines bear. Default: gatehouse's own."`
}

// Auth is the section auth.
type Auth struct {
	TimeoutInMS int    `yaml:"timeout_in_ms" doc:"How long one decision may take, in milliseconds."`
	Proxy       string `yaml:"proxy" doc:"The HTTP proxy for calls to remote providers. The proxy variables of the environment are not read."`
}

// Timeout is how long one decision may take.
func (a Auth) Timeout() time.Duration { return time.Duration(a.TimeoutInMS) * time.Millisecond }

// Throttle is the section throttle.
type Throttle struct {
	Enabled bool             `yaml:"enabled" doc:"Whether failed logins are counted, and the next ones wait."`
	Exempt  []server.Network `yaml:"exempt" doc:"Addresses and networks that are not held as a whole, such as a cluster's behind one address. A user there who fails too often still is."`
}

// Policies are the named policies.
type Policies map[string]gate.Policy

// Store is the section store of auth-o-tron, which gatehouse reads to say that it does not follow it.
type Store struct {
	Enabled  bool        `yaml:"enabled" doc:"Not followed: a store is not used."`
	Type     string      `yaml:"type" doc:"Not followed."`
	URI      auth.Secret `yaml:"uri" secret:"true" doc:"Not followed."`
	Database string      `yaml:"database" doc:"Not followed."`
}

// IgnoredKeys are keys of auth-o-tron that have no effect there either.
func (*Config) IgnoredKeys() map[string]string {
	return map[string]string{"services": "has no effect, as in auth-o-tron"}
}

func defaults() *Config {
	return &Config{
		Server: server.Config{
			Host: "127.0.0.1", SocketMode: 0o660, MaxHeaderBytes: 4000, ClientIPHeader: "X-Real-IP", Listings: true,
			VerifyHeader: "X-SSL-Client-Verify", CertHeader: "X-SSL-Client-Cert",
		},
		Metrics:  Metrics{Enabled: true, Port: 9090},
		Logging:  Logging{Level: "info", Format: "json", Service: "gatehouse"},
		Auth:     Auth{TimeoutInMS: 5000},
		Throttle: Throttle{Enabled: true},
		JWT:      jwt.Config{Issuer: "gatehouse", Subject: jwt.RealmName, Lifetime: jwt.Seconds(time.Hour), PublishBefore: time.Hour},
	}
}

// load reads the file and the environment over it, and the keys that they name. Where the document has failed the
// config is not to be used.
func load(path string, environ []string) (*Config, *conf.Document) {
	c, doc := loadWithoutKeys(path, environ)
	if c != nil {
		doc.Follow(c.JWT.ReadKeys(doc.Report().At("jwt"))...)
	}
	return c, doc
}

func loadWithoutKeys(path string, environ []string) (*Config, *conf.Document) {
	data, err := os.ReadFile(path)
	doc := conf.Parse(path, data)
	if err != nil {
		hint := ""
		if above := upwards(path); above != "" {
			hint = "; auth-o-tron would take " + above + ": name it with --config"
		}
		doc.Report().Fault("", "cannot be read: %v%s", err, hint)
		return nil, doc
	}
	if doc.Broken() { // nothing said of its content would be true
		return nil, doc
	}
	doc.MergeEnv("AOT_", environ, conf.Figment, "AOT_CONFIG_PATH")
	doc.MergeEnv("GATEHOUSE_", environ, conf.Literal, "GATEHOUSE_CONFIG", "GATEHOUSE_CORPORA")
	c := defaults()
	doc.Decode(c, doc.Text("version") == version1 || doc.Text("version") == version2)
	c.settle(doc)
	c.check(doc.Report())
	if c.StateDir == "" {
		c.StateDir, _, _ = strings.Cut(lookup(environ)("STATE_DIRECTORY"), ":")
	}
	c.JWT.KeepIn(c.StateDir)
	if c.JWT.Secret == nil && !c.JWT.HasKeys() && c.StateDir == "" && !doc.Has("jwt", "secret_file") {
		doc.Report().At("jwt").Warn("secret", "%s", noSecret)
	}
	return c, doc
}

// settle fills in what depends on the version.
func (c *Config) settle(doc *conf.Document) {
	r := doc.Report()
	if c.Version == version1 || c.Version == version2 {
		if !doc.Has("server", "host") {
			c.Server.Host = "0.0.0.0"
		}
	}
	switch {
	case c.BindAddress == "":
	case c.Version != version1:
		r.Strict("bind_address", "belongs to version 1.0.0: write server.host and server.port")
	case doc.Has("server", "host") || doc.Has("server", "port"):
		r.Warn("bind_address", "has no effect: server.host or server.port is set")
	default:
		c.Server.Host, c.Server.Port = splitAddress(r, c.BindAddress)
	}
	if c.Metrics.Host == "" {
		c.Metrics.Host = "127.0.0.1"
		if c.Version == version1 || c.Version == version2 {
			c.Metrics.Host = c.Server.Host
			if ip := net.ParseIP(c.Metrics.Host); c.Metrics.Enabled && (ip == nil || !ip.IsLoopback()) {
				r.Warn("metrics", "are shown to the network on %s, as auth-o-tron does: set metrics.host: 127.0.0.1",
					net.JoinHostPort(c.Metrics.Host, strconv.Itoa(c.Metrics.Port)))
			}
		}
	}
	if c.JWT.IssueAud == nil {
		issue := c.Version == version3 && c.JWT.Audience != ""
		c.JWT.IssueAud = &issue
	}
}

// splitAddress splits at the last colon, as auth-o-tron does.
func splitAddress(r conf.Report, address string) (string, *int) {
	host, port, err := net.SplitHostPort(address)
	n, numeric := strconv.Atoi(port)
	if err != nil || numeric != nil {
		r.Fault("bind_address", "is not HOST:PORT")
		return "", nil
	}
	return host, &n
}

// check reports what is wrong with values that are each of the right type.
func (c *Config) check(r conf.Report) {
	if c.Version == "" {
		r.Fault("version", `is missing: write version: "3"`)
	}
	c.Server.Check(r.At("server"))
	c.JWT.Check(r.At("jwt"))
	c.Audit.Check(r.At("audit"))
	for i, n := range c.Throttle.Exempt {
		if n.IsEverybody() {
			r.At("throttle", "exempt", i).Fault("", "is everybody: to hold nobody, set throttle.enabled: false")
		}
	}
	c.checkOld(r)
	if c.Auth.TimeoutInMS < 1 || c.Auth.TimeoutInMS > maxTimeoutInMS {
		r.At("auth").Fault("timeout_in_ms", "must be between 1 and %d", maxTimeoutInMS)
	}
	if c.Logging.Format != "json" && c.Logging.Format != "console" {
		r.At("logging").Strict("format", "is neither json nor console: console is taken")
	}
	if u, err := url.Parse(c.Auth.Proxy); c.Auth.Proxy != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		r.At("auth").Fault("proxy", "must be http://HOST:PORT or https://HOST:PORT")
	}
	if c.Metrics.Enabled && c.Metrics.Port != 0 && c.Server.Port != nil && c.Metrics.Port == *c.Server.Port {
		r.At("metrics").Fault("port", "application port and metrics port are both %d, they must be different", c.Metrics.Port)
	}
	c.checkLists(r)
}

// checkOld reports what auth-o-tron's keys do not do here.
func (c *Config) checkOld(r conf.Report) {
	if c.Store.Enabled {
		r.At("store").Strict("enabled", "a token store is not part of gatehouse yet: tokens of auth-o-tron's store do not work")
	}
	switch {
	case c.Legacy == nil:
	case c.Version == version3:
		r.Fault("include_legacy_headers", "is not needed: the headers are always sent")
	case !*c.Legacy:
		r.Warn("include_legacy_headers", "is false, and the headers are sent all the same: a proxy that misses one lets the client's own copy through")
	}
}

func (c *Config) checkLists(r conf.Report) {
	if len(c.Providers) == 0 {
		r.Warn("providers", "there are none: nobody can log in")
	}
	if len(c.Providers) > gate.MaxSources {
		r.Fault("providers", "there are %d: at most %d can be asked", len(c.Providers), gate.MaxSources)
	}
	realms, names := []string{}, map[string]bool{}
	for i := range c.Providers {
		p := &c.Providers[i]
		at := r.At("providers", i)
		p.Check(at)
		if p.Scheme() == auth.TLS && c.Server.TrustsNobody() {
			at.Fault("", "nobody is trusted to hand clients' certificates over: set server.socket, or name the proxies in server.trusted_proxies")
		}
		p.CheckOwn(at, c.JWT)
		if names[p.Name] {
			at.Strict("name", "%q is the name of another provider too", p.Name)
		}
		names[p.Name] = true
		realms = append(realms, p.Realm)
	}
	for i := range c.Augmenters {
		a, at := &c.Augmenters[i], r.At("augmenters", i)
		a.Check(at)
		if auth.CheckName(a.Realm) == nil && !slices.ContainsFunc(realms, func(realm string) bool { return realm == a.Realm || auth.SameRealm(realm, a.Realm) }) {
			at.Strict("realm", "no provider has the realm %q: it changes nobody", a.Realm)
		}
	}
	name := regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	for _, key := range slices.Sorted(maps.Keys(c.Policies)) {
		policy, at := c.Policies[key], r.At("policies", key)
		if !name.MatchString(key) {
			at.Fault("", "a policy's name has 1 to 64 letters, digits, dots, hyphens and underscores")
		}
		policy.Check(at, realms)
	}
}

// noSecret says how to get a secret where there is none.
const noSecret = "is not set, and there is no folder to keep one in: set jwt.secret_file, or state_dir"

// maxTimeoutInMS is five minutes: no proxy waits longer.
const maxTimeoutInMS = 300_000

// lookup is os.Getenv on a list of variables.
func lookup(environ []string) func(string) string {
	return func(name string) string {
		for _, line := range environ {
			if value, ok := strings.CutPrefix(line, name+"="); ok {
				return value
			}
		}
		return ""
	}
}
