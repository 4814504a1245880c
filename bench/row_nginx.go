package main

import "fmt"

// throughNginx: a remembered login through nginx with the shipped snippets, over the Unix socket.
func (b *bench) throughNginx() ([]row, error) {
	file, err := b.passwordFile("users", 4)
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(setup{providers: htpasswdProvider("local", file)})
	if err != nil {
		return nil, err
	}
	login := basic(alice, alicePassword)
	contenders := []contender{}
	for _, name := range []string{"gatehouse", "floor", "second floor"} {
		server := g
		if name != "gatehouse" {
			if server, err = b.startFloor(g, login); err != nil {
				return nil, err
			}
		}
		f, err := b.startNginx(behindGateway(server.socket))
		if err != nil {
			return nil, err
		}
		contenders = append(contenders, contender{name: name, url: f.url, authorization: login, server: server.process, front: f.process})
	}
	const what = "hot login through nginx (Unix socket, keepalive)"
	s, err := b.contest(what, contenders...)
	if err != nil {
		return nil, err
	}
	gate, floor, null := s[0].perSecond, s[1].perSecond, s[2].perSecond
	low, _ := interval(null, floor)
	r := ratio(gate, floor)
	return []row{
		{
			what + ": requests/s", "at least 0.97 of nginx with the floor behind it, or inside the null row's interval",
			compared(gate, floor, "%.0f/s"), verdictOf(r >= 0.97 || r >= low),
		},
		{"null row of the same run: nginx and floor against nginx and floor", "", compared(null, floor, "%.0f/s"), shown},
		{what + ": CPU per request, nginx's own not counted", "", compared(s[0].cpu, s[1].cpu, "%.1f µs"), shown},
	}, nil
}

// againstAuthBasic: the same login where nginx hashes the password for each request.
func (b *bench) againstAuthBasic() ([]row, error) {
	file, err := b.passwordFile("users", 10)
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(setup{providers: htpasswdProvider("local", file)})
	if err != nil {
		return nil, err
	}
	before := behindGateway(g.socket)
	before.perProcessor = true // as theirs
	ours, err := b.startNginx(before)
	if err != nil {
		return nil, err
	}
	theirs, err := b.startNginx(behindBasic(file))
	if err != nil {
		return nil, err
	}
	login := basic(alice, alicePassword)
	const what = "bcrypt cost 10 htpasswd through nginx (a worker per processor), hot"
	// nginx hashes for every connection before it answers the first: of many, a round would not count the last.
	const few = 8
	s, err := b.contest(what,
		contender{"gatehouse", ours.url, login, g.process, ours.process, few},
		contender{"auth_basic", theirs.url, login, theirs.process, nil, few})
	if err != nil {
		return nil, err
	}
	return []row{timesAsMany(what, "nginx's own `auth_basic`", 500, s)}, nil
}

// timesAsMany judges the first score's requests/s by the second's.
func timesAsMany(what, other string, times float64, s []score) row {
	a, b := s[0].perSecond, s[1].perSecond
	return row{
		what, fmt.Sprintf("at least %.1f times %s", times, other),
		fmt.Sprintf("%.1f times: %.0f/s to %.1f/s; CPU per request %.1f µs to %.1f µs",
			ratio(a, b), median(a), median(b), median(s[0].cpu), median(s[1].cpu)),
		verdictOf(ratio(a, b) >= times),
	}
}
