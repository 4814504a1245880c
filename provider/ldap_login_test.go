package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/e2e/ldap"
)

// A directory locks the account of bind_dn when its password is wrong often enough, and each login tries it.
func TestJunkLocksNoAccountOfOurs(t *testing.T) {
	f := ldap.NewFake(t, func(r ldap.Request) ldap.Reply {
		if r.Op == "bind" && r.DN == ldap.Gate {
			return ldap.Reply{Code: 49}
		}
		return knowsAlice(r)
	})
	w := newWorld(t)
	a := open(t, t.Context(), atFake(f), w.Env)
	for i := range 30 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := a.Authenticate(ctx, basic(fmt.Sprint("user", i), "junk"))
		cancel()
		if later, ok := errors.AsType[*auth.Later](err); isDecision(err) || i > 0 && (!ok || later.After <= 0) {
			t.Errorf("got %v", err)
		}
	}
	tried := 0
	for _, r := range f.Asked() {
		if r.Op == "bind" && r.DN == ldap.Gate {
			tried++
		}
	}
	if told := strings.Count(w.log.String(), "nobody can log in by this directory"); tried != 1 || told != 1 {
		t.Errorf("tried %d times, told %d times", tried, told)
	}
}
