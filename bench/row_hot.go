package main

import (
	"fmt"
	"strings"
)

// hotBasic: a remembered login with a password, over TCP.
func (b *bench) hotBasic() ([]row, error) {
	file, err := b.passwordFile("users", 4)
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(setup{providers: htpasswdProvider("local", file)})
	if err != nil {
		return nil, err
	}
	return b.againstFloor("hot `/authenticate`, direct, 60-byte Basic", g, basic(alice, alicePassword), 1.08, 0.95)
}

// hotBearer: a remembered API key of 1.2 kB, over TCP. It is opaque: there is no provider of kind jwt yet.
func (b *bench) hotBearer() ([]row, error) {
	s, err := b.startStub(0)
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(setup{providers: s.provider("portal", "")})
	if err != nil {
		return nil, err
	}
	key := "Bearer key-" + alice[:5] + "." + strings.Repeat("x", 1190)
	return b.againstFloor("hot `/authenticate`, direct, 1.2 kB Bearer (an opaque key, kind `http`)", g, key, 1.16, 0.88)
}

// againstFloor measures a gateway, its floor and a second floor.
func (b *bench) againstFloor(what string, g *gateway, authorization string, cpu, speed float64) ([]row, error) {
	var floors [2]*gateway
	for i := range floors {
		var err error
		if floors[i], err = b.startFloor(g, authorization); err != nil {
			return nil, err
		}
	}
	s, err := b.contest(what,
		contender{name: "gatehouse", url: g.url, authorization: authorization, server: g.process},
		contender{name: "floor", url: floors[0].url, authorization: authorization, server: floors[0].process},
		contender{name: "second floor", url: floors[1].url, authorization: authorization, server: floors[1].process})
	if err != nil {
		return nil, err
	}
	gate, floor, null := s[0], s[1], s[2]
	return []row{
		{
			what + ": CPU per request", fmt.Sprintf("at most %.2f of the floor's", cpu),
			compared(gate.cpu, floor.cpu, "%.1f µs"), verdictOf(ratio(gate.cpu, floor.cpu) <= cpu),
		},
		{
			what + ": requests/s", fmt.Sprintf("at least %.2f of the floor's", speed),
			compared(gate.perSecond, floor.perSecond, "%.0f/s"), verdictOf(ratio(gate.perSecond, floor.perSecond) >= speed),
		},
		{"null row of the same run: floor against floor, CPU", "", compared(null.cpu, floor.cpu, "%.1f µs"), shown},
		{"null row of the same run: floor against floor, requests/s", "", compared(null.perSecond, floor.perSecond, "%.0f/s"), shown},
	}, nil
}

// compared shows the ratio of two medians, its interval, and both.
func compared(a, b []float64, unit string) string {
	low, high := interval(a, b)
	return fmt.Sprintf("%.3f (95 %%: %.3f to %.3f): "+unit+" to "+unit, ratio(a, b), low, high, median(a), median(b))
}
