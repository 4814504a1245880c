package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// once: 1,000 callers bring the same new key at the same moment.
func (b *bench) once() ([]row, error) {
	s, err := b.startStub(time.Second) // long enough that the last caller still finds the question under way
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(setup{providers: s.provider("portal", "")})
	if err != nil {
		return nil, err
	}
	c := b.newClient(usersFrom, callers)
	most := int64(0)
	var refused atomic.Int64
	for i := range b.phases() {
		before := s.asked.Load()
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				if c.yes(b.ctx, g.url, fmt.Sprintf("Bearer key-new-%d", i)) != nil {
					refused.Add(1)
				}
			})
		}
		all.Wait()
		most = max(most, s.asked.Load()-before)
	}
	b.note("once", map[string]any{"questions": most, "refused": refused.Load()})
	return []row{{
		fmt.Sprintf("the same new credential %d times at once", callers), "1 question to the provider",
		fmt.Sprintf("%d, and %d without a yes", most, refused.Load()), verdictOf(most == 1 && refused.Load() == 0),
	}}, nil
}
