package cache

import (
	"testing"
	"time"
)

func BenchmarkGet(b *testing.B) {
	c := newCache(b, 1<<20)
	now := time.Now()
	for n := range 1000 {
		c.Put(keyOf(n), n, 1, now.Add(time.Hour))
	}
	k := keyOf(500)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := c.Get(k, now); !ok {
			b.Fatal("gone")
		}
	}
}

func BenchmarkPut(b *testing.B) {
	c := newCache(b, 10_000)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		c.Put(keyOf(n), n, 1, time.Now().Add(time.Minute))
		n++
	}
}
