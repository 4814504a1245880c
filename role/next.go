package role

import "reflect"

// Next returns the rules of entries that take the place of r, which may be nil. A source whose entry is the same is
// taken over with what it said, and with those who wait for it.
func (r *Rules) Next(entries []Entry) *Rules {
	next := New(entries)
	if r == nil {
		return next
	}
	for i := range next.steps {
		s := &next.steps[i]
		for _, before := range r.steps {
			if s.asked != nil && reflect.DeepEqual(s.Entry, before.Entry) {
				s.asked = before.asked
			}
		}
	}
	return next
}
