package templates

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Recipes are the exporters whose metrics are known, by the name of their fragment.
func Recipes() []string {
	entries, err := files.ReadDir("metrics")
	if err != nil {
		panic(err) // it is embedded
	}
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	}
	return out
}

// Describe is one line for each recipe: its name, and what it knows.
func Describe() string {
	var b strings.Builder
	for _, name := range Recipes() {
		first, _, _ := strings.Cut(fragment(name), "\n")
		fmt.Fprintf(&b, "%-14s %s\n", name, strings.TrimPrefix(first, "# "))
	}
	return b.String()
}

// Notes is what the recipe says above the metrics: where its names were read, and what its
// exporter cannot tell.
func Notes(name string) string {
	var b strings.Builder
	for line := range strings.Lines(fragment(name)) {
		text, ok := strings.CutPrefix(line, "#")
		if !ok {
			break
		}
		b.WriteString(strings.TrimPrefix(text, " "))
	}
	return b.String()
}

func fragment(name string) string {
	text, err := files.ReadFile(path.Join("metrics", name+".yaml"))
	if err != nil {
		return ""
	}
	return string(text)
}

// A section is a top-level key of a runbook with all that is written below it, and the
// comment above it.
type section struct {
	head   []string // comment and blank lines, and the key's own line
	key    string
	blocks []block
}

// A block is a key of a section, or a named item of its list, with the comment above it.
// It may be commented out as a whole.
type block struct {
	key   string
	lines []string
}

var (
	topKey   = regexp.MustCompile(`^([a-z_]+):`)
	blockKey = regexp.MustCompile(`^  (?:# )?(?:- name: ([a-z0-9-]+)|([a-z_]+):(?: .*)?$)`)
	bareKey  = regexp.MustCompile(`^  # (?:- name: [a-z0-9-]+|[a-z_]+:)$`)
)

// splice puts what a fragment says into a template: its blocks take the place of those of
// the same key, and come after the one before them where there is none. A block of nothing
// but a key that is commented out takes the template's away. The comment above a section
// follows the template's.
func splice(template, fragment string) string {
	sections := parse(template)
	for _, from := range parse(fragment) {
		i := slices.IndexFunc(sections, func(s section) bool { return s.key == from.key })
		sections[i].take(from)
	}
	var out []string
	for _, s := range sections {
		out = append(out, s.head...)
		for _, b := range s.blocks {
			out = append(out, b.lines...)
		}
	}
	return strings.Join(out, "\n")
}

func (s *section) take(from section) {
	last := len(s.head) - 1
	comment := slices.DeleteFunc(from.head[:len(from.head)-1], func(line string) bool { return line == "" })
	s.head = slices.Concat(s.head[:last], comment, s.head[last:])
	at := 0
	for _, b := range from.blocks {
		if i := slices.IndexFunc(s.blocks, func(o block) bool { return o.key == b.key }); i >= 0 {
			s.blocks = slices.Delete(s.blocks, i, i+1)
			at = i
		}
		if len(b.lines) == 1 && bareKey.MatchString(b.lines[0]) {
			continue
		}
		s.blocks = slices.Insert(s.blocks, at, b)
		at++
	}
}

// parse divides a text into sections, of which only the last may have no key.
func parse(text string) []section {
	var out []section
	var loose []string // lines that belong to what comes next
	for _, line := range strings.Split(text, "\n") {
		m, top := blockKey.FindStringSubmatch(line), topKey.FindStringSubmatch(line)
		switch {
		case top != nil:
			out = append(out, section{head: append(loose, line), key: top[1]})
			loose = nil
		case m != nil && len(out) > 0:
			s := &out[len(out)-1]
			s.blocks = append(s.blocks, block{m[1] + m[2], append(loose, line)})
			loose = nil
		case len(loose) == 0 && (strings.HasPrefix(line, "   ") || strings.HasPrefix(line, "  #  ")):
			out[len(out)-1].extend(line)
		default:
			loose = append(loose, line)
		}
	}
	return append(out, section{head: loose})
}

// extend adds a line to the last block, or to the section's head where it has none.
func (s *section) extend(line string) {
	if n := len(s.blocks); n > 0 {
		s.blocks[n-1].lines = append(s.blocks[n-1].lines, line)
		return
	}
	s.head = append(s.head, line)
}
