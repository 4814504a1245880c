package ldap

import (
	"net"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// A Request is what a [Fake] was sent.
type Request struct {
	Op       string // bind, search, starttls; other
	DN       string // of a bind, or a search's base
	Password string
	Filter   string
	id       int64
}

// A Reply is what a [Fake] says. Hang waits until the connection ends, Drop ends it.
type Reply struct {
	Entries    []*ldap.Entry
	Code       int
	Diagnostic string
	Referral   string
	References []string // of a search: where more is to be found (RFC 4511, section 4.5.3)
	Raw        []byte   // in place of all others
	Hang, Drop bool
}

// A Fake is a directory in this process.
type Fake struct {
	URI    string
	answer func(Request) Reply

	listener net.Listener
	mu       sync.Mutex // guards all below
	asked    []Request
	conns    []net.Conn
}

// NewFake starts a directory that answers each request by answer, which is called by several goroutines.
func NewFake(t testing.TB, answer func(Request) Reply) *Fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &Fake{URI: "ldap://" + l.Addr().String(), answer: answer, listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns = append(f.conns, c)
			f.mu.Unlock()
			go f.serve(c)
		}
	}()
	t.Cleanup(f.Stop)
	return f
}

// Stop ends it and its connections.
func (f *Fake) Stop() {
	_ = f.listener.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		_ = c.Close()
	}
}

// Asked is what it was sent so far.
func (f *Fake) Asked() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Request(nil), f.asked...)
}

// Connections is how many there were so far.
func (f *Fake) Connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.conns)
}

// WantNobody fails t if anybody connected to it so far, whether they said anything or not.
func (f *Fake) WantNobody(t testing.TB) {
	t.Helper()
	c, err := net.Dial("tcp", f.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for end := time.Now().Add(5 * time.Second); f.Connections() == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.conns) == 0 || f.conns[0].RemoteAddr().String() != c.LocalAddr().String() { // they are accepted in their order
		t.Errorf("%s was connected to, and asked for %+v", f.URI, f.asked)
	}
}

func (f *Fake) serve(c net.Conn) {
	defer c.Close()
	for {
		p, err := ber.ReadPacket(c)
		if err != nil || len(p.Children) < 2 {
			return
		}
		r := parse(p)
		f.mu.Lock()
		f.asked = append(f.asked, r)
		f.mu.Unlock()
		reply := f.answer(r)
		switch {
		case reply.Drop:
			return
		case reply.Hang:
			_, _ = c.Read(make([]byte, 1))
			return
		case reply.Raw != nil:
			_, _ = c.Write(reply.Raw)
			continue
		}
		for _, e := range reply.Entries {
			_, _ = c.Write(entry(r.id, e))
		}
		for _, uri := range reply.References {
			_, _ = c.Write(reference(r.id, uri))
		}
		_, _ = c.Write(result(r, reply))
	}
}

func parse(p *ber.Packet) Request {
	r := Request{Op: "other"}
	r.id, _ = p.Children[0].Value.(int64)
	op := p.Children[1]
	text := func(i int) string {
		if i < len(op.Children) {
			return op.Children[i].Data.String()
		}
		return ""
	}
	switch op.Tag {
	case ldap.ApplicationBindRequest:
		r.Op, r.DN, r.Password = "bind", text(1), text(2)
	case ldap.ApplicationSearchRequest:
		r.Op, r.DN = "search", text(0)
		r.Filter, _ = ldap.DecompileFilter(op.Children[6])
	case ldap.ApplicationExtendedRequest:
		r.Op = "starttls"
	}
	return r
}

func message(id int64, op *ber.Packet) []byte {
	m := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	m.AppendChild(op)
	return m.Bytes()
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func entry(id int64, e *ldap.Entry) []byte {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	op.AppendChild(octets(e.DN))
	list := ber.NewSequence("")
	for _, a := range e.Attributes {
		one, values := ber.NewSequence(""), ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		one.AppendChild(octets(a.Name))
		for _, v := range a.Values {
			values.AppendChild(octets(v))
		}
		one.AppendChild(values)
		list.AppendChild(one)
	}
	op.AppendChild(list)
	return message(id, op)
}

func reference(id int64, uri string) []byte {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "")
	op.AppendChild(octets(uri))
	return message(id, op)
}

func result(r Request, reply Reply) []byte {
	tag := map[string]ber.Tag{
		"bind": ldap.ApplicationBindResponse, "search": ldap.ApplicationSearchResultDone, "starttls": ldap.ApplicationExtendedResponse,
	}[r.Op]
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, reply.Code, ""))
	op.AppendChild(octets(""))
	op.AppendChild(octets(reply.Diagnostic))
	if reply.Referral != "" {
		list := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "")
		list.AppendChild(octets(reply.Referral))
		op.AppendChild(list)
	}
	return message(r.id, op)
}
