package main

import (
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
)

// keysMayTurn tells when to call turnKeys; never where no key has a time.
func (e *estate) keysMayTurn() <-chan time.Time {
	if d := e.issuer.Patience(); d >= 0 {
		return time.After(d)
	}
	return nil
}

// turnKeys has another key sign, or others published, where it is time for that. It reads no file, so that neither a
// faulty config.yaml nor a hung disk keeps a key in force.
func (e *estate) turnKeys() error {
	issuer, err := e.issuer.Current()
	if err != nil || issuer == e.issuer {
		return err
	}
	return e.signBy(issuer)
}

// signBy puts an issuer of other keys in force. Whoever is remembered gets a token of it with the next request, and
// nobody is asked for it; who came by a token of ours shows it again.
func (e *estate) signBy(issuer *jwt.Issuer) error {
	house, own, err := e.house, e.own.Load(), error(nil)
	if house.Keys, err = issuer.Published(); err != nil {
		return err
	}
	if own != nil {
		if own, err = issuer.Verifier(); err != nil {
			return err
		}
	}
	config := house.Gate.Config
	config.Issuer = issuer
	house.Gate = gate.New(config)
	if err := e.server.Swap(house); err != nil {
		return err
	}
	e.own.Store(own)
	if issuer.KeyID() != e.issuer.KeyID() {
		e.log.Info().Str("kid", issuer.KeyID()).Msg("another key signs")
	}
	e.metrics.SigningKey(issuer.Term())
	e.house, e.issuer = house, issuer
	names := map[string]bool{}
	if e.ways.namesTakingOwn(names); len(names) > 0 {
		e.memory.Forget(func(u auth.User) bool { return names[u.Provider] })
	}
	return nil
}
