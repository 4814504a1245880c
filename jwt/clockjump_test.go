package jwt_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/conf"
	"gatehouse/jwt"
)

// A clock that is wrong once, by any time and at any moment, loses no key that is needed when it is right again, and
// a key that nobody would live to see is told.
func TestAClockThatWasWrongOnce(t *testing.T) {
	year := 365 * 24 * time.Hour
	for _, jump := range []time.Duration{time.Hour, 29 * 24 * time.Hour, 62 * 24 * time.Hour, year, 10 * year, 70 * year} {
		for _, since := range []time.Duration{0, time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 600 * time.Hour} {
			c := monthly(t)
			firstKey(t, &c, second)
			right := second
			for range 3 {
				right = right.Add(c.RotateEvery)
				if done, _, err := c.Scheduled(right.Add(-c.PublishBefore-time.Minute), stands); err != nil || done.File == "" {
					t.Fatal(done, err)
				}
			}
			right = right.Add(since - c.PublishBefore)
			c.ReadKeys(conf.Report{})
			before, needed := keyed(t, c, at(right)), kidsAt(c, right)
			wrong, _, err := c.Scheduled(right.Add(jump), stands)
			if err != nil {
				t.Fatal(err)
			}
			c.ReadKeys(conf.Report{})
			after := keyed(t, c, at(right))
			if after.KeyID() != before.KeyID() {
				t.Errorf("wrong by %v, %v after the last key was made: another key signs", jump, since)
			}
			for _, kid := range needed {
				if !slices.Contains(kidsAt(c, right), kid) {
					t.Errorf("wrong by %v, %v after the last key was made: %s is published no more; removed %s", jump, since, kid, wrong.Removed)
				}
			}
			if jump < year {
				continue
			}
			for _, hours := range []int{0, 1, 720, 3000} {
				done, _, err := c.Scheduled(right.Add(time.Duration(hours)*time.Hour), stands)
				if err == nil || done.File != "" || !strings.Contains(err.Error(), wrong.File+" signs too far from now") || !strings.Contains(err.Error(), "remove that file") {
					t.Errorf("wrong by %v: %d hours later: %+v, %v", jump, hours, done, err)
				}
			}
		}
	}
}

// kidsAt are those of the keys that are published at a time.
func kidsAt(c jwt.Config, now time.Time) (kids []string) {
	for _, k := range c.KeyStates(now) {
		if k.State != "gone" {
			kids = append(kids, k.ID)
		}
	}
	return kids
}

// What is as far as a schedule goes is not too far.
func TestKeysInTimeAreNotTooFar(t *testing.T) {
	c := monthly(t)
	firstKey(t, &c, second)
	for _, row := range []struct {
		before time.Duration
		fails  bool
	}{
		{0, false},
		{c.RotateEvery + c.PublishBefore + time.Minute, false},
		{c.RotateEvery + c.PublishBefore + time.Minute + 1, true},
	} {
		if done, wait, err := c.Scheduled(second.Add(-row.before), stands); (err != nil) != row.fails || done.File != "" || !row.fails && wait <= 0 {
			t.Errorf("%v before the first: %+v, %v, %v", row.before, done, wait, err)
		}
	}
}
