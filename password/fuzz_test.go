package password

import (
	"strings"
	"testing"
)

// FuzzParse: Parse never panics; its error never shows the text; what it reads can be verified and
// made a decoy of without a panic, and accepts no password that is not its own.
func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add(s.hash)
	}
	for _, c := range refused {
		f.Add(c.hash)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := Parse(text, true)
		if err != nil {
			// Shorter ones are in the message by chance.
			if len(text) >= 8 && strings.Contains(err.Error(), text) {
				t.Errorf("error %q shows the hash", err)
			}
			return
		}
		decoy := h.Decoy()
		again, err := Parse(decoy.text, true)
		if err != nil || again.Params() != h.Params() {
			t.Errorf("decoy of %s is %s, %v", h.Params(), again.Params(), err)
		}
		if !cheap(h) {
			return
		}
		const wrong = "not the password of any hash"
		if h.Verify(wrong) && text != plainPrefix+wrong || decoy.Verify(wrong) {
			t.Errorf("%s accepts a wrong password", h.Params())
		}
	})
}

// cheap reports whether h is verified in a few milliseconds.
func cheap(h Hash) bool {
	if h.format.name == "bcrypt" {
		return h.cost.size <= 1<<5
	}
	return h.cost.work() <= 1<<13
}
