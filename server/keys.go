package server

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
)

// keySet shows the public keys that tokens are verified by.
func (s *house) keySet(c *fiber.Ctx) error {
	return s.publish(c, s.Keys.KeySet, "application/jwk-set+json")
}

// discovery shows where the keys of the issuer are.
func (s *house) discovery(c *fiber.Ctx) error {
	return s.publish(c, s.Keys.Discovery, fiber.MIMEApplicationJSON)
}

// publish answers 404 where there is no text: an empty set would be remembered as one.
func (s *house) publish(c *fiber.Ctx, text []byte, kind string) error {
	if text == nil {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderContentType, kind)
	c.Set(fiber.HeaderCacheControl, "public, max-age="+strconv.Itoa(int(s.Keys.MaxAge/time.Second)))
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	return c.Send(text)
}
