package server

import "github.com/gofiber/fiber/v2"

// whoami tells a client who it is, in auth-o-tron's words.
func (s *house) whoami(c *fiber.Ctx) error {
	d, ok := s.decide(c)
	if !ok {
		return nil
	}
	u := d.User
	who := struct {
		Version    int                 `json:"version"`
		Username   string              `json:"username"`
		Realm      string              `json:"realm"`
		Roles      []string            `json:"roles"`
		Attributes map[string]string   `json:"attributes"`
		Scopes     map[string][]string `json:"scopes"`
	}{1, u.Name, u.Realm, u.Roles, u.Attributes, u.Scopes}
	if who.Roles == nil {
		who.Roles = []string{}
	}
	if who.Attributes == nil {
		who.Attributes = map[string]string{}
	}
	if who.Scopes == nil {
		who.Scopes = map[string][]string{}
	}
	return c.JSON(who)
}

func (s *house) providers(c *fiber.Ctx) error {
	return s.list(c, "providers", s.Providers)
}

func (s *house) augmenters(c *fiber.Ctx) error {
	return s.list(c, "augmenters", s.Augmenters)
}

// list tells nobody of entries unless server.listings lets it.
func (s *house) list(c *fiber.Ctx, what string, entries []Listing) error {
	if !s.Listings {
		return fiber.ErrNotFound
	}
	if entries == nil {
		entries = []Listing{}
	}
	return c.JSON(map[string][]Listing{what: entries})
}

// health says that the process answers.
func health(c *fiber.Ctx) error { return c.SendString("OK") }
