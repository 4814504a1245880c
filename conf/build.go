package conf

import "gopkg.in/yaml.v3"

const (
	maxNodes = 100_000 // counted after aliases are expanded, so an alias bomb ends here
	maxDepth = 64
)

// builder turns the parser's tree into ours.
type builder struct {
	report Report
	env    *variable // where the text came from; nil for the file
	nodes  int
	full   bool
}

func (b *builder) build(y *yaml.Node, r Report, depth int) *node {
	n := &node{line: y.Line, env: b.env, kind: broken}
	b.nodes++
	if b.nodes > maxNodes || depth > maxDepth {
		b.overflow(n)
		return n
	}
	if y.Kind == yaml.AliasNode {
		n = b.build(y.Alias, r, depth+1)
		n.line = y.Line // the fault is in the use, more often than in the anchor
		return n
	}
	switch y.ShortTag() {
	case "!!null":
		n.kind = null
	case "!!str", "!!int", "!!float", "!!bool", "!!timestamp", "!!merge", "!!map", "!!seq":
		b.fill(n, y, r, depth)
	default:
		// Not quoted: a secret that begins with an exclamation mark is read as a tag.
		r.fault(n, "begins with a YAML tag that is not known here (quote a text that begins with !)")
	}
	return n
}

func (b *builder) fill(n *node, y *yaml.Node, r Report, depth int) {
	switch y.Kind {
	case yaml.ScalarNode:
		n.kind, n.text = text, y.Value
	case yaml.SequenceNode:
		n.kind = list
		for i, item := range y.Content {
			n.items = append(n.items, b.build(item, r.At(i), depth+1))
		}
	case yaml.MappingNode:
		n.kind = table
		b.fillTable(n, y, r, depth)
	}
}

// overflow speaks once: a bomb has many fuses.
func (b *builder) overflow(at *node) {
	if !b.full {
		b.report.fault(at, "too large once aliases are expanded, or too deep, or an alias inside itself")
	}
	b.full = true
}

func (b *builder) fillTable(n *node, y *yaml.Node, r Report, depth int) {
	var merge *yaml.Node
	for i := 0; i+1 < len(y.Content) && !b.full; i += 2 {
		name, value := y.Content[i], y.Content[i+1]
		if name.Kind == yaml.AliasNode {
			name = name.Alias
		}
		at := &node{line: y.Content[i].Line, env: b.env}
		tag := name.ShortTag()
		switch old, seen := n.index[name.Value]; {
		case name.Kind != yaml.ScalarNode || tag == "!!null":
			r.fault(at, "a key must be text")
		case tag == "!!merge" && merge != nil:
			r.At("<<").fault(at, "duplicate key, it stands on line %d already", merge.Line)
		case tag == "!!merge":
			merge = value
		case seen:
			r.At(name.Value).fault(at, "duplicate key, it stands on line %d already", n.entries[old].line)
		default:
			value := b.build(value, r.At(name.Value), depth+1)
			n.put(entry{key: name.Value, line: at.line, value: value})
		}
	}
	if merge != nil {
		b.merge(n, b.build(merge, r.At("<<"), depth+1), r)
	}
}

// merge adds what a merge key brings; a key that is there already wins.
func (b *builder) merge(into, from *node, r Report) {
	switch from.kind {
	case table:
		for _, e := range from.entries {
			if into.get(e.key) == nil {
				into.put(e)
			}
		}
	case list:
		for _, item := range from.items {
			b.merge(into, item, r)
		}
	case null, text:
		r.At("<<").fault(from, "want a mapping or a list of mappings, not %s", from.kind)
	}
}
