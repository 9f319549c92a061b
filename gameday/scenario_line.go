package gameday

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/runbook"
)

// at names a field of a list's entry.
func at(list string, i int, field string) string {
	return strings.TrimSuffix(fmt.Sprintf("%s[%d].%s", list, i, field), ".")
}

// want notes a problem unless it is true.
func (c *checker) want(ok bool, field, what, fix string) {
	if !ok {
		c.problems = append(c.problems, runbook.Problem{File: c.file, Line: c.line(field), Field: field, What: what, Fix: fix})
	}
}

// line is where a field stands in the text, or what is around it.
func (c *checker) line(field string) int {
	var doc yaml.Node
	if yaml.Unmarshal(c.text, &doc) != nil || len(doc.Content) == 0 {
		return 1
	}
	lines := map[string]int{}
	index(doc.Content[0], "", lines)
	for ; field != ""; field = field[:max(strings.LastIndexAny(field, ".["), 0)] {
		for _, path := range slices.Sorted(maps.Keys(lines)) {
			if path == field || strings.HasSuffix(path, "."+field) {
				return lines[path]
			}
		}
	}
	return 1
}

func index(n *yaml.Node, path string, lines map[string]int) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			p := strings.TrimPrefix(path+"."+n.Content[i].Value, ".")
			lines[p] = n.Content[i].Line
			index(n.Content[i+1], p, lines)
		}
	case yaml.SequenceNode:
		for i, m := range n.Content {
			p := at(path, i, "")
			lines[p] = m.Line
			index(m, p, lines)
		}
	}
}
