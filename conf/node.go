package conf

import (
	"strconv"
	"strings"
)

type kind int

const (
	null kind = iota
	text
	list
	table
	broken // already reported; the walk says nothing more about it
)

func (k kind) String() string {
	return [...]string{"nothing", "text", "a list", "a mapping", "something broken"}[k]
}

// node is a piece of the configuration, its aliases and merge keys resolved. Where it came from
// stays with it: a line of the file, or a variable.
type node struct {
	kind    kind
	text    string
	items   []*node
	entries []entry
	index   map[string]int // into entries
	line    int
	env     *variable // nil: the file
}

type entry struct {
	key   string
	line  int
	value *node
}

// layer tells which source wins: the file is 0, each merged environment is above the last.
func (n *node) layer() int {
	if n.env == nil {
		return 0
	}
	return n.env.layer
}

func (n *node) get(key string) *node {
	if i, ok := n.index[key]; ok {
		return n.entries[i].value
	}
	return nil
}

func (n *node) put(e entry) {
	if i, ok := n.index[e.key]; ok {
		n.entries[i] = e
		return
	}
	if n.index == nil {
		n.index = map[string]int{}
	}
	n.index[e.key] = len(n.entries)
	n.entries = append(n.entries, e)
}

func (n *node) find(keys []string) *node {
	for _, key := range keys {
		if n = n.get(key); n == nil {
			return nil
		}
	}
	return n
}

// nearest is the node at path, or the last one on the way to it. A secret that is missing stands
// in its twin.
func (n *node) nearest(path []any) *node {
	for _, key := range path {
		var below *node
		switch key := key.(type) {
		case int:
			if key >= 0 && key < len(n.items) {
				below = n.items[key]
			}
		case string:
			if below = n.get(key); below == nil {
				below = n.get(key + twinSuffix)
			}
		}
		if below == nil {
			return n
		}
		n = below
	}
	return n
}

// getFold is get for a variable, whose name has no case: where no key is written like it, one that differs in
// case alone is meant.
func (n *node) getFold(key string) *node {
	if exact := n.get(key); exact != nil {
		return exact
	}
	for _, e := range n.entries {
		if strings.EqualFold(e.key, key) {
			return e.value
		}
	}
	return nil
}

// child is what the variable's key names in n, made if it is missing; nil if n cannot have it.
func (n *node) child(key string, v *variable) *node {
	i, isIndex := index(key)
	if n.kind == null {
		n.kind, n.env = table, v
		if isIndex {
			n.kind = list
		}
	}
	made := &node{env: v}
	switch {
	case n.kind == table:
		if old := n.getFold(key); old != nil {
			return old
		}
		n.put(entry{key: key, value: made})
	case n.kind != list || !isIndex || i > len(n.items):
		return nil
	case i < len(n.items):
		return n.items[i]
	default:
		n.items = append(n.items, made)
	}
	return made
}

// take puts other in the place of n: mappings are merged deep, all else is replaced whole.
func (n *node) take(other *node) {
	if n.kind != table || other.kind != table {
		*n = *other
		return
	}
	for _, e := range other.entries {
		if old := n.get(e.key); old != nil {
			old.take(e.value)
		} else {
			n.put(e)
		}
	}
}

func index(key string) (int, bool) {
	i, err := strconv.ParseUint(key, 10, 16)
	return int(i), err == nil
}
