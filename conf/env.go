package conf

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Dialect is how the variables of one prefix are read.
type Dialect int

const (
	// Literal takes a value as it stands, as text; the field decides its type.
	Literal Dialect = iota
	// Figment reads values as auth-o-tron does (Rust figment): "quoted", 'c', [a,b], {k=v}, else
	// text. The prefix counts in any case, and unknown variables are warnings only.
	Figment
)

// variable is one variable of the environment, and where it belongs.
type variable struct {
	name  string // as in the environment
	rest  string // less the prefix
	value string
	keys  []string
	layer int
	soft  bool // unknown is only a warning
}

// MergeEnv puts the variables that begin with prefix over what is there already. The rest of the
// name, lower-cased and split at "__", is the path; a number indexes a list, or adds to its end.
// Variables named in ignore, and those that Kubernetes sets for services, are passed over. Of a
// secret and its _file, that of the later source wins.
func (d *Document) MergeEnv(prefix string, environ []string, dialect Dialect, ignore ...string) {
	d.layers++
	var found []*variable
	for _, line := range environ {
		v := dialect.variable(prefix, line)
		if v == nil || slices.Contains(ignore, v.name) || isServiceLink(v) {
			continue
		}
		v.layer = d.layers
		found = append(found, v)
	}
	slices.SortFunc(found, byPath)
	for _, v := range found {
		d.set(v, dialect.read(v))
	}
}

func (k Dialect) variable(prefix, line string) *variable {
	name, value, _ := strings.Cut(line, "=")
	if len(name) <= len(prefix) {
		return nil
	}
	head, rest := name[:len(prefix)], name[len(prefix):]
	if head != prefix && (k != Figment || !strings.EqualFold(head, prefix)) {
		return nil
	}
	keys := strings.Split(strings.ToLower(rest), "__")
	return &variable{name: name, rest: rest, value: value, keys: keys, soft: k == Figment}
}

func (k Dialect) read(v *variable) *node {
	if k == Figment {
		return readFigment(v)
	}
	return &node{kind: text, text: v.value, env: v}
}

// isServiceLink knows what Kubernetes puts in every container for a service whose name begins
// like our prefix: GATEHOUSE_SERVICE_HOST, GATEHOUSE_PORT=tcp://…, GATEHOUSE_PORT_80_TCP_ADDR.
func isServiceLink(v *variable) bool {
	if strings.Contains(v.rest, "__") {
		return false
	}
	names := regexp.MustCompile(`^(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	link := regexp.MustCompile(`^(\w+_)?PORT=(tcp|udp|sctp)://`)
	return names.MatchString(v.rest) || link.MatchString(v.rest+"="+v.value)
}

// byPath puts a list's items in the order of their numbers, and a thing before what is in it.
func byPath(a, b *variable) int {
	return cmp.Or(slices.CompareFunc(a.keys, b.keys, func(a, b string) int {
		i, aIsIndex := index(a)
		j, bIsIndex := index(b)
		switch {
		case aIsIndex && bIsIndex:
			return cmp.Compare(i, j)
		case aIsIndex:
			return -1
		case bIsIndex:
			return 1
		}
		return cmp.Compare(a, b)
	}), cmp.Compare(a.name, b.name))
}

func (d *Document) set(v *variable, value *node) {
	at, r := d.root, d.Report()
	for _, key := range v.keys {
		below := at.child(key, v)
		if below == nil {
			r.fault(value, "cannot set %s in %s%s", quote(key), at.kind, room(at))
			return
		}
		at, r = below, r.At(key)
	}
	at.take(value)
}

func room(n *node) string {
	if n.kind == list {
		return fmt.Sprintf(", want an index up to %d", len(n.items))
	}
	return ""
}
