// Package ecflowrc says what the real ecflow_client does with an .ecflowapirc for a server: which
// credential it sends, or why it sends none. It follows ecFlow 5.19.0; its tests ask the client itself.
package ecflowrc

// A Sends is what leaves the client with its request.
type Sends uint8

// What can leave the client.
const (
	Nothing      Sends = iota // the request goes out, without a credential
	Bearer                    // an API key: Authorization: Bearer …
	Basic                     // a user name and password: Authorization: Basic …
	NoConnection              // no request goes out, and the client says "Failed to connect"
	Undecided                 // a match takes longer than anybody waits
)

// A Verdict is what the client does with one file for one server. None of its texts shows a key or a
// password.
type Verdict struct {
	Path     string
	Server   string // what the patterns are matched against: scheme://host:port
	Sends    Sends
	Used     int      // the index in Entries of the one that is used; -1: none
	Entries  []Entry  // empty where the client takes nothing from the file
	Faults   []string // what must be mended
	Warnings []string // what deserves a thought
}

// An Entry is one element of the file's tokens.
type Entry struct {
	Type     string // as the file has it; the client skips all but bearer and basic
	Pattern  string // its server
	Username string // basic only
	Matches  bool
	Notes    []string
}

// OK reports whether the client sends a credential that a server can read.
func (v Verdict) OK() bool {
	return len(v.Faults) == 0 && v.Used >= 0 && (v.Sends == Bearer || v.Sends == Basic)
}

// Check tells what the client does with data, the content of the file at path, when it is run for
// server: https://host:port, or host:port, which means the same; http://host:port stands for the client's
// --http.
func Check(path string, data []byte, server string) Verdict {
	v := Verdict{Path: path, Server: server, Used: -1}
	to, err := parseTarget(server)
	if err != nil {
		v.fault("%v", err)
		return v
	}
	v.Server = to.String()
	v.warnOfPath()
	v.warnOfTransport(to)
	entries, err := read(data)
	if err != nil {
		v.fault("%v; the client prints \"Unable to load tokens\", takes nothing from the file and sends the request UNAUTHENTICATED", err)
		return v
	}
	v.choose(entries, to)
	return v
}

// choose walks the entries as the client does: the first that matches is used, and one whose pattern
// cannot be compiled ends the walk.
func (v *Verdict) choose(entries []entry, to target) {
	ended := -1
	for i := range entries {
		described, compiled, err := entries[i].describe(to)
		switch {
		case ended >= 0 && described.Matches:
			described.note("matches, but the client never comes to it: entry %d ends its search", ended+1)
		case ended >= 0:
		case err != nil:
			ended = i
			v.giveUp(i, err)
		case described.Matches:
			ended = i
			v.use(i, &entries[i])
		}
		v.Entries = append(v.Entries, described)
		v.warnOfReach(i, compiled, to)
	}
	if ended < 0 {
		v.fault("no entry matches; the client prints \"Unable to find token for URL: %s\" and sends the request UNAUTHENTICATED", to)
	}
}

// giveUp says that the client fails at entry i.
func (v *Verdict) giveUp(i int, err error) {
	if err == errSlow {
		v.Sends = Undecided
		v.fault("entry %d: its server takes too long to match, for the client too", i+1)
		return
	}
	v.Sends = NoConnection
	v.fault("entry %d: its server is no regular expression (%v); the client prints \"Failed to connect\" and sends nothing", i+1, err)
}

// use says that the client takes entry i.
func (v *Verdict) use(i int, e *entry) {
	v.Used = i
	v.Sends = e.sends()
	for _, fault := range e.faults() {
		v.fault("entry %d: %s", i+1, fault)
	}
}
