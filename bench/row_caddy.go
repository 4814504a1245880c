package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"time"
)

// caddyConfig is Caddy's own login with an answer of its own; it remembers good logins by itself.
const caddyConfig = `
{
	admin off
	auto_https off
}
http://%s {
	bind 127.0.0.1
	basicauth {
		%s %s
	}
	respond "Authenticated successfully"
}
`

// againstCaddy: a hot login, direct to both.
func (b *bench) againstCaddy() ([]row, error) {
	file, err := b.passwordFile("users", 10)
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(setup{providers: htpasswdProvider("local", file)})
	if err != nil {
		return nil, err
	}
	caddy, url, err := b.startCaddy(file)
	if err != nil {
		return nil, err
	}
	login := basic(alice, alicePassword)
	const what = "bcrypt cost 10 htpasswd, hot, direct to direct"
	s, err := b.contest(what,
		contender{name: "gatehouse", url: g.url, authorization: login, server: g.process},
		contender{name: "caddy", url: url, authorization: login, server: caddy})
	if err != nil {
		return nil, err
	}
	return []row{timesAsMany(what, "Caddy's `basicauth`", 1.5, s)}, nil
}

func (b *bench) startCaddy(file string) (*process, string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, "", err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	name, hash, _ := strings.Cut(strings.TrimSpace(string(text)), ":")
	hash = base64.StdEncoding.EncodeToString([]byte(hash)) // every version takes it so, newer ones as it is too
	path, err := b.write("Caddyfile", fmt.Sprintf(caddyConfig, address, name, hash))
	if err != nil {
		return nil, "", err
	}
	p, err := b.start("caddy", "caddy", "run", "--config", path, "--adapter", "caddyfile")
	if err != nil {
		return nil, "", err
	}
	url := "http://" + address + "/"
	return p, url, p.await(b.ctx, time.Millisecond, func() error { return answers(url) })
}
