package server

import (
	"time"

	"github.com/gofiber/fiber/v2"
)

// Readiness is what /ready tells. A provider that is down makes nobody unready: the others still answer, and the
// rest of the gateways would be no better off.
type Readiness struct {
	Ready     bool          `json:"ready"` // false from the beginning of the stop on
	Config    ConfigState   `json:"config"`
	Providers []SourceState `json:"providers,omitzero"` // not told where nothing is listed
}

// ConfigState says which config.yaml is in force.
type ConfigState struct {
	Loaded  time.Time `json:"loaded"`
	Refused bool      `json:"refused"` // a newer one is there, and has faults
}

// SourceState says how a provider did when it was asked last.
type SourceState struct {
	Listing
	State string     `json:"state"`           // up, down, or unknown: not asked yet
	Since *time.Time `json:"since,omitempty"` // when it came to be so
}

// ready says whether new requests should be sent here, with 503 where not.
func (s *house) ready(c *fiber.Ctx) error {
	r := s.Readiness()
	if r.Ready = !s.Draining(); !r.Ready {
		c.Status(fiber.StatusServiceUnavailable)
	}
	if !s.Listings {
		r.Providers = nil
	}
	set(c, nameCacheControl, "no-store")
	return c.JSON(r)
}
