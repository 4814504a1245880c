package server

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"

	"github.com/gofiber/fiber/v2"
)

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
	return c.JSON(map[string][]Listing{"providers": notNil(s.Providers)})
}

func (s *house) augmenters(c *fiber.Ctx) error {
	return c.JSON(map[string][]Listing{"augmenters": notNil(s.Augmenters)})
}

func notNil(list []Listing) []Listing {
	if list == nil {
		return []Listing{}
	}
	return list
}

// health says that the process answers.
func health(c *fiber.Ctx) error { return c.SendString("OK") }

//go:embed home.html
var homeTemplate string

// renderHome makes the page at / once: it shows nothing of a request.
func renderHome(h House, version string) ([]byte, error) {
	t, err := template.New("home").Parse(homeTemplate)
	if err != nil {
		return nil, fmt.Errorf("home page: %w", err)
	}
	var page bytes.Buffer
	if err := t.Execute(&page, struct {
		Version   string
		Providers []Listing
	}{version, h.Providers}); err != nil {
		return nil, fmt.Errorf("home page: %w", err)
	}
	return page.Bytes(), nil
}

func (s *house) homepage(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	return c.Send(s.home)
}
