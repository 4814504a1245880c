package server

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/mail"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"gatehouse/auth"
	"gatehouse/jwt"
)

// The homepage, its style, and the picture in its head as browsers and phones ask for it.
var (
	//go:embed home.html
	homeTemplate string
	//go:embed home.css
	homeStyle template.CSS
	//go:embed static/favicon.ico
	favicon []byte
	//go:embed static/logo.png
	logo []byte
)

// facts are what the homepage tells.
type facts struct {
	Style                template.CSS
	Contact, ContactText string
	Docs, DocsText       string

	Listed        bool // or nothing below is told
	Version       string
	Realms        []realm
	Several       bool    // realms
	Logins        []login // of all realms
	Password, Key bool    // whether some realm takes one; a token is a key
	EcFlow        bool    // whether one of them is for ecFlow's client
	Keys          string  // where public keys are, or ""
}

func factsOf(h House, version string) facts {
	f := facts{Style: homeStyle, Contact: h.Contact, ContactText: contactText(h.Contact), Docs: h.Docs, DocsText: contactText(h.Docs), Listed: h.Listings}
	if !f.Listed {
		return f
	}
	f.Version, f.Realms = version, realmsOf(h.Gate.Sources)
	f.Logins, f.Several = takenBy(f.Realms), len(f.Realms) > 1
	for _, l := range f.Logins {
		f.Password = f.Password || l.Form == auth.Password
		f.Key = f.Key || l.Form == auth.Opaque || l.Form == auth.JWT
		f.EcFlow = f.EcFlow || l.EcFlow != ""
	}
	if h.Keys.KeySet != nil {
		f.Keys = strings.TrimPrefix(jwt.KeySetPath, "/") // links are relative: the page may stand below a path of nginx's
	}
	return f
}

// A homepage shows nothing of a request: it is made once for a house.
type homepage struct {
	text   []byte
	policy string // Content-Security-Policy
}

func newHomepage(h House, version string) (homepage, error) {
	t, err := template.New("home").Parse(homeTemplate)
	if err != nil {
		return homepage{}, fmt.Errorf("home page: %w", err)
	}
	var page bytes.Buffer
	if err := t.Execute(&page, factsOf(h, version)); err != nil {
		return homepage{}, fmt.Errorf("home page: %w", err)
	}
	style := sha256.Sum256([]byte(homeStyle))
	return homepage{page.Bytes(), "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) +
		"'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}, nil
}

func (s *house) homepage(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	c.Set(fiber.HeaderContentSecurityPolicy, s.home.policy)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderCacheControl, "no-cache") // a reload may make another
	return c.Send(s.home.text)
}

// picture answers with one that only a new version changes.
func picture(kind string, image []byte) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, kind)
		c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
		c.Set(fiber.HeaderCacheControl, "public, max-age=86400")
		return c.Send(image)
	}
}

// contactText is what stands for a contact: the address of a mailto: URL, or the URL without its scheme; "" for one
// that is neither mailto:ADDRESS nor an https URL.
func contactText(contact string) string {
	u, err := url.Parse(contact)
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "mailto":
		if a, err := mail.ParseAddress(u.Opaque); err == nil && a.Address == u.Opaque {
			return a.Address
		}
	case "https":
		if u.Host != "" && u.User == nil {
			return strings.TrimSuffix(u.Host+u.Path, "/")
		}
	}
	return ""
}
