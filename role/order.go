package role

import (
	"cmp"
	"slices"
)

// order returns entries as they are applied. A rewrite stays where it stands: in its realm, what stands before it is
// applied before it, and what stands behind it, after. Between two rewrites, and where there is none, the order is
// auth-o-tron's: those that look at the user's name alone, then the advanced ones, each kind as config.yaml has it.
func order(entries []Entry) []Entry {
	type placed struct {
		Entry
		rewrites int // of its realm, up to and with it
		rank     int
	}
	list := make([]placed, len(entries))
	for i, e := range entries {
		p := placed{Entry: e, rank: 1}
		switch e.Type {
		case "rewrite":
			p.rank = 0
		case "plain_advanced":
			p.rank = 2
		}
		for _, before := range entries[:i+1] {
			if before.Type == "rewrite" && before.appliesTo(e.Realm) {
				p.rewrites++
			}
		}
		list[i] = p
	}
	slices.SortStableFunc(list, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.rewrites, b.rewrites), cmp.Compare(a.rank, b.rank))
	})
	sorted := make([]Entry, len(list))
	for i, p := range list {
		sorted[i] = p.Entry
	}
	return sorted
}
