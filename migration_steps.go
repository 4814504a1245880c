package main

import (
	"fmt"
	"strconv"
	"strings"

	"gatehouse/conf"
)

// steps are what is to be written so that version 3 means the same, and has nothing to say.
func (m *migration) steps() []remark {
	list := []remark{{"version", `"3"`}}
	covered := map[string]bool{}
	add := func(of, text string) {
		list, covered[of] = append(list, remark{of, text}), true
	}
	switch {
	case m.BindAddress != "" && m.Version == version1 && !m.doc.Has("server", "host") && !m.doc.Has("server", "port"):
		add("bind_address", fmt.Sprintf("remove it; write server: { host: %q, port: %d }", m.Server.Host, *m.Server.Port))
		covered["server.host"] = true
	case m.BindAddress != "":
		add("bind_address", "remove it")
	}
	if m.listensOnPort() && !covered["server.host"] && !m.doc.Has("server", "host") {
		add("server.host", "0.0.0.0, or nothing: it is 127.0.0.1 then")
	}
	if m.Metrics.Enabled && m.Metrics.Host != "127.0.0.1" && !m.doc.Has("metrics", "host") {
		add("metrics.host", fmt.Sprintf("%s, or nothing: it is 127.0.0.1 then", m.Metrics.Host))
	}
	if m.JWT.Audience != "" && !m.doc.Has("jwt", "issue_aud") {
		add("jwt.issue_aud", "false, or nothing: tokens have "+strconv.Quote(m.JWT.Audience)+" in aud then")
	}
	for _, key := range []string{"store", "services", "include_legacy_headers"} {
		if m.doc.Has(key) {
			add(key, "remove it")
		}
	}
	covered["store.enabled"] = true
	for _, f := range m.next {
		if !covered[f.Path] {
			add(place(f), mend(f.Message))
		}
	}
	return list
}

// mend is a fault with what is to be done about a key that does nothing.
func mend(message string) string {
	if message == "unknown key" || strings.HasPrefix(message, "has no effect") {
		return message + ": remove it"
	}
	return message
}

// place is where a fault stands.
func place(f conf.Fault) string {
	if f.Line > 0 {
		return fmt.Sprintf("%s (line %d)", f.Path, f.Line)
	}
	return fmt.Sprintf("%s (%s)", f.Path, f.File)
}
