package gate

import "sync/atomic"

// Stats is what a memory holds, and what it was asked for without finding a user. Users found are not counted,
// as that costs more than to find them: they are those whose [Decision] is Remembered.
type Stats struct {
	Refused, Missed      uint64 // look-ups that found a refusal, and nothing
	Identities, Refusals int    // held now, about
	Bytes                uint64 // weight of the identities, about
}

// Stats returns what the memory holds now.
func (m *Memory) Stats() Stats {
	return Stats{
		Refused: m.recalls.refused.Load(), Missed: m.recalls.missed.Load(),
		Identities: m.yes.Len(), Refusals: m.no.Len(), Bytes: m.yes.Weight(),
	}
}

// recalls counts look-ups that found no user.
type recalls struct{ refused, missed atomic.Uint64 }
