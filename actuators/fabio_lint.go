package actuators

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/store"
)

// lint looks at every key that fabio reads: one line that it does not understand keeps it
// from taking any.
func (f fabio) lint(snap store.Snapshot) []Hazard {
	var found []Hazard
	for _, e := range snap.Under(f.root) {
		all, _, bad := parseCommands(e)
		for _, b := range bad {
			found = append(found, b.hazard("delete it, or make it a comment"))
		}
		found = append(found, f.lintKey(e, all)...)
		for _, c := range all {
			found = append(found, f.lintCommand(c)...)
		}
	}
	t := f.read(snap)
	for _, p := range t.problems {
		found = append(found, p.hazard("write a weight between 0 and 1 of one tag, or route del"))
	}
	if _, err := t.split(); err != nil && len(t.problems) == 0 && !errors.Is(err, ErrNoSplit) {
		found = append(found, refused(f.key(), err))
	}
	slices.SortStableFunc(found, func(a, b Hazard) int { return strings.Compare(a.Key, b.Key) })
	return found
}

// lintKey looks at what a key is called, and where it sorts.
func (f fabio) lintKey(e store.Entry, all []command) []Hazard {
	var found []Hazard
	if rest := strings.TrimPrefix(e.Key, f.root); len(all) > 0 && (rest != "" && rest[0] != '/' || backup(rest)) {
		found = append(found, Hazard{Key: e.Key, What: fmt.Sprintf("it begins like %s, so fabio takes its commands as well: a backup here is live", f.root), Fix: "move it to another prefix"})
	}
	about := slices.ContainsFunc(all, func(c command) bool { return f.concerns(c) && (c.service != "" || c.verb != routeDel) })
	switch {
	case e.Key == f.key() || !about:
	case e.Key > f.key():
		found = append(found, Hazard{Key: e.Key, What: fmt.Sprintf("it sorts after %s and has a line about %s, which overrides ours", f.key(), f.service), Fix: "delete the line", Blocking: true})
	default:
		found = append(found, Hazard{Key: e.Key, What: "it has a line about the weights of " + f.service + ", which counts together with ours", Fix: "delete the line: autorollback writes these"})
	}
	return found
}

// backup reports whether a key is called like a copy of another.
func backup(name string) bool {
	return slices.ContainsFunc([]string{".bak", ".old", ".orig", ".save", ".backup", "~"}, func(end string) bool { return strings.HasSuffix(name, end) })
}

// lintCommand finds what fabio reads and then stumbles over.
func (f fabio) lintCommand(c command) []Hazard {
	host, _, _ := strings.Cut(c.source, "/")
	switch {
	case c.verb == routeWeight && host != strings.ToLower(host):
		return []Hazard{badLine{c.key, c.text, "has a host with capitals, which matches no instance, and fabio before 1.7.3 then takes no table at all", c.line}.hazard("write the host in lower case")}
	case c.verb == routeWeight && f.concerns(c) && c.weight >= 1 && c.key != f.key():
		h := badLine{c.key, c.text, "leaves instances of other tags 0.01 % each, as fabio's sums are rounded", c.line}.hazard("write route del for the other tags")
		h.Blocking = false
		return []Hazard{h}
	}
	return nil
}

func (b badLine) hazard(fix string) Hazard {
	what, better, _ := strings.Cut(b.what, "; ")
	if better != "" {
		fix = better
	}
	text := bytes.ToValidUTF8([]byte(b.text), []byte("�"))
	return Hazard{Key: b.key, What: fmt.Sprintf("line %d, `%s`, %s", b.line, text, what), Fix: fix, Blocking: true}
}
