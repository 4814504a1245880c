package main

import (
	"time"

	"gatehouse/gate"
)

// keysMayTurn tells when to call turnKeys; never where no key has a time.
func (e *estate) keysMayTurn() <-chan time.Time {
	if d := e.issuer.Patience(); d >= 0 {
		return time.After(d)
	}
	return nil
}

// turnKeys has another key sign, or others published, where it is time for that. It reads no file, so that a faulty
// config.yaml keeps no key in force. Whoever is remembered gets a token of the new key with the next request, and
// nobody is asked for it.
func (e *estate) turnKeys() error {
	issuer, err := e.issuer.Current()
	if err != nil || issuer == e.issuer {
		return err
	}
	house := e.house
	if house.Keys, err = issuer.Published(); err != nil {
		return err
	}
	config := house.Gate.Config
	config.Issuer = issuer
	house.Gate = gate.New(config)
	if err := e.server.Swap(house); err != nil {
		return err
	}
	if issuer.KeyID() != e.issuer.KeyID() {
		e.log.Info().Str("kid", issuer.KeyID()).Msg("another key signs")
	}
	e.house, e.issuer = house, issuer
	return nil
}
