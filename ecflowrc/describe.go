package ecflowrc

import (
	"fmt"
	"path/filepath"
	"strings"
)

func (v *Verdict) fault(format string, args ...any) {
	v.Faults = append(v.Faults, fmt.Sprintf(format, args...))
}

func (v *Verdict) warn(format string, args ...any) {
	v.Warnings = append(v.Warnings, fmt.Sprintf(format, args...))
}

func (e *Entry) note(format string, args ...any) {
	e.Notes = append(e.Notes, fmt.Sprintf(format, args...))
}

// describe matches e with to. The error is that of its pattern, which is nil then.
func (e *entry) describe(to target) (Entry, *pattern, error) {
	d := Entry{Type: e.kind, Pattern: e.server, Username: e.username}
	if !e.known() {
		d.note("the client skips it: its type is neither \"bearer\" nor \"basic\"")
		return d, nil, nil
	}
	p, err := compile(e.server)
	if err == nil {
		d.Matches, err = p.matches(to.String())
	}
	if err != nil {
		d.note("its server cannot be matched: %v", err)
		return d, nil, err
	}
	if !d.Matches {
		d.note("%s; to match, its server would be %s", p.mismatch(to), to.suggestion())
	}
	return d, &p, nil
}

// mismatch tells why p, which does not match to, does not.
func (p pattern) mismatch(to target) string {
	const whole = "the whole of scheme://host:port is matched"
	for _, near := range []struct{ text, reason string }{
		{to.host, "it matches the host alone, but " + whole},
		{to.host + ":" + to.port, "it lacks the scheme: " + whole},
		{to.scheme + "://" + to.host, "it lacks the port: " + whole + ", :443 too"},
		{to.scheme + "://" + to.host + "/", "it ends with a slash and lacks the port: " + whole},
		{to.String() + "/", "it ends with a slash, and the client's URL does not"},
		{target{to.otherScheme(), to.host, to.port}.String(), "it is for " + to.otherScheme()},
		{strings.ToLower(to.String()), "upper and lower case differ"},
	} {
		if ok, _ := p.matches(near.text); ok {
			return near.reason
		}
	}
	if p.within(to.String()) {
		return "it matches a part only, but " + whole
	}
	return "it does not match " + to.String()
}

func (t target) otherScheme() string {
	if t.scheme == "https" {
		return "http"
	}
	return "https"
}

// warnOfReach tells to whom else entry i sends its secret.
func (v *Verdict) warnOfReach(i int, p *pattern, to target) {
	if p == nil {
		return
	}
	anywhere, _ := p.matches("https://elsewhere.example:1")
	if anywhere {
		v.warn("entry %d sends its secret to any server that the client is run for", i+1)
	}
	if matches, _ := p.matches(to.String()); !anywhere && matches {
		v.warnOfLookAlikes(i, p, to)
	}
	for _, clear := range []string{"http://elsewhere.example:1", target{"http", to.host, to.port}.String()} {
		if ok, _ := p.matches(clear); ok && to.scheme == "https" {
			v.warn("entry %d sends its secret in clear when the client is run with --http", i+1)
			return
		}
	}
}

// warnOfLookAlikes tries servers of others that a loose pattern takes for to.
func (v *Verdict) warnOfLookAlikes(i int, p *pattern, to target) {
	for _, host := range []string{
		to.host + ".elsewhere.example",
		"elsewhere-" + to.host,
		strings.Replace(to.host, ".", "x", 1),
	} {
		other := target{to.scheme, host, to.port}
		if ok, _ := p.matches(other.String()); ok && host != to.host {
			v.warn("entry %d sends its secret to %s too: a dot without a backslash stands for any character", i+1, other)
			return
		}
	}
}

func (v *Verdict) warnOfPath() {
	if v.Path != "" && filepath.Base(v.Path) != ".ecflowapirc" {
		v.warn("the client reads this file only where ECF_AUTHTOKENS names it")
	}
}

func (v *Verdict) warnOfTransport(to target) {
	if to.scheme == "http" {
		v.warn("over http the secret is sent in clear")
		return
	}
	v.warn("the client does not verify the server's TLS certificate: whoever is in between can read the secret")
}
