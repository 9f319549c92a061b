package actuators

import (
	"fmt"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/store"
)

// lint walks the whole tree as Traefik does: one key under http, tcp, udp or tls
// that it cannot read keeps it from reading any.
func (t traefik) lint(snap store.Snapshot) []Hazard { return t.walk(snap).lint() }

func (w *traefikWalk) lint() []Hazard {
	for _, e := range w.entries {
		w.key(e)
	}
	w.build()
	slices.SortStableFunc(w.found, func(a, b Hazard) int { return strings.Compare(a.Key, b.Key) })
	return w.found
}

// A traefikWalk is what one walk of the tree finds.
type traefikWalk struct {
	traefik
	known    *shape
	entries  []traefikKey
	folders  map[string]bool     // folded paths that have a key below
	types    map[string][]string // types of each service, by its name as it is spelled
	concerns map[string]bool     // services that ours cannot be built without
	kids     []child             // none if two keys are one for Traefik, which is a finding of its own
	first    map[string]string   // folded path to the first key that has it
	spelled  map[string]string   // folded name to its first spelling
	found    []Hazard
}

// A traefikKey is a key that Traefik's decoder looks at.
type traefikKey struct {
	store.Entry
	parts []string
	path  string // the parts, folded
}

func (t traefik) walk(snap store.Snapshot) *traefikWalk {
	all := snap.Under(t.root + "/")
	w := &traefikWalk{
		traefik: t, known: knownShape(), folders: map[string]bool{}, types: map[string][]string{},
		concerns: map[string]bool{}, first: make(map[string]string, len(all)), spelled: map[string]string{},
	}
	for _, e := range all {
		key := e.Key[len(t.root)+1:]
		if parts := fragments(key); decoded(parts) {
			if strings.Contains(key, "//") || key[len(key)-1] == '/' || key[0] == '/' {
				key = strings.Join(parts, "/")
			}
			w.add(traefikKey{e, parts, fold(key)})
		}
	}
	w.kids, _ = t.collect(snap)
	for _, c := range w.kids {
		name, _, _ := strings.Cut(string(c.name.Value), "@")
		w.concerns[name] = true
	}
	return w
}

func (w *traefikWalk) add(e traefikKey) {
	w.entries = append(w.entries, e)
	for at := strings.LastIndexByte(e.path, '/'); at > 0 && !w.folders[e.path[:at]]; at = strings.LastIndexByte(e.path[:at], '/') {
		w.folders[e.path[:at]] = true
	}
	if len(e.parts) < 3 || fold(e.parts[0]) != "http" || fold(e.parts[1]) != "services" {
		return
	}
	types := w.types[e.parts[2]]
	if len(e.parts) > 4 && fold(e.parts[3]) != "middlewares" && !slices.Contains(types, fold(e.parts[3])) {
		types = append(types, fold(e.parts[3]))
	}
	if len(e.parts) > 3 {
		w.types[e.parts[2]] = types
	}
}

// key looks at one key.
func (w *traefikWalk) key(e traefikKey) {
	if other, twice := w.first[e.path]; twice {
		w.found = append(w.found, Hazard{Key: e.Key, What: "Traefik takes it and " + other + " for one key, and only one of them counts", Fix: "delete one of the two", Blocking: len(e.parts) > 4 && w.ours(pad(e.parts))})
		return
	}
	w.first[e.path] = e.Key
	w.respelled(e)
	w.found = append(w.found, unreadable(w.known, e, !w.folders[e.path])...)
}

// respelled finds a name that is spelled in two ways: Traefik takes the first spelling
// for the name of both, and whoever asks for the other finds nothing.
func (w *traefikWalk) respelled(e traefikKey) {
	if len(e.parts) < 3 || fold(e.parts[0]) != "http" {
		return
	}
	path, own := fold(e.parts[1]+"/"+e.parts[2]), e.parts[2]
	name, seen := w.spelled[path]
	if !seen {
		w.spelled[path] = own
	}
	if !seen || name == own || w.spelled[path+"/"+own] != "" {
		return
	}
	w.spelled[path+"/"+own] = "told"
	w.found = append(w.found, Hazard{
		Key:      e.Key,
		What:     fmt.Sprintf("it says %q where other keys say %q: Traefik takes the first for the name of both", own, name),
		Fix:      "spell both the same",
		Blocking: fold(e.parts[1]) == "services" && (w.concern(name) || w.concern(own)),
	})
}

// concern reports whether our service cannot be built without that one.
func (w *traefikWalk) concern(service string) bool {
	return fold(service) == fold(w.service) || w.concerns[service]
}

// decoded reports whether Traefik's decoder looks at the key at all: it compares the
// beginning of the first fragment only.
func decoded(parts []string) bool {
	if len(parts) == 0 {
		return false
	}
	for _, top := range []string{"http", "tcp", "udp", "tls"} {
		if strings.HasPrefix(fold(parts[0]), top) {
			return true
		}
	}
	return false
}

func unreadable(known *shape, e traefikKey, alone bool) []Hazard {
	parts := e.parts
	s, n := known.find(parts)
	// A map's or a list's item may be empty; a field may not.
	_, isField := known.folder(parts).parts[fold(parts[len(parts)-1])]
	value := string(e.Value)
	blocking := func(what, fix string) []Hazard {
		return []Hazard{{Key: e.Key, What: what, Fix: fix, Blocking: true}}
	}
	switch {
	case s == nil:
		above, _ := known.find(parts[:n])
		fix := "delete it (or ignore this if your Traefik is newer than 3.7 and knows it)"
		if near := above.nearest(parts[n]); near != "" {
			fix = fmt.Sprintf("if it was meant to be %q, write that and delete this", near)
		}
		return blocking(fmt.Sprintf("Traefik knows no %q here, and one unknown key keeps it from reading the whole tree", parts[n]), fix)
	case s.kind == "" && isField && alone:
		return blocking("it is a folder with nothing in it, and that keeps Traefik from reading the whole tree", "delete it")
	case reads(s.kind, value) && s.since != "":
		return []Hazard{{Key: e.Key, What: "Traefik knows it since " + s.since + ", and before that it keeps Traefik from reading the whole tree", Fix: "delete it unless every Traefik is at least " + s.since}}
	case reads(s.kind, value):
		return nil
	case value == "":
		return blocking(fmt.Sprintf("it is empty and must be %s, and that keeps Traefik from reading the whole tree", noun(s.kind)), "write a value or delete it")
	case reads(s.kind, strings.TrimSpace(value)):
		return blocking(fmt.Sprintf("%q has white space around it (a trailing newline?), and that keeps Traefik from reading the whole tree", value), fmt.Sprintf("write %q, without a newline", strings.TrimSpace(value)))
	}
	return blocking(fmt.Sprintf("%q is not %s, and that keeps Traefik from reading the whole tree", value, noun(s.kind)), "write "+noun(s.kind))
}

func noun(kind string) string {
	switch kind {
	case "int":
		return "a whole number"
	case "bool":
		return "true or false"
	}
	return "a duration such as 30s"
}

// build looks at what Traefik reads and then does not build: our service, and the services
// that its children name.
func (w *traefikWalk) build() {
	for service, types := range w.types {
		if len(types) < 2 {
			continue
		}
		w.found = append(w.found, Hazard{
			Key:      w.root + "/http/services/" + service,
			What:     "it has more than one type (" + strings.Join(types, ", ") + "), and Traefik builds none of them",
			Fix:      "keep one type and give the others services of their own",
			Blocking: w.concern(service),
		})
	}
	w.found = append(w.found, w.lintSticky()...)
	names := map[string]string{}
	for _, c := range w.kids {
		w.found = append(w.found, w.lintChild(c, names)...)
	}
}

func (w *traefikWalk) lintChild(c child, names map[string]string) []Hazard {
	name := string(c.name.Value)
	key := c.folder + "name"
	switch other, twice := names[name]; {
	case name == "":
		return []Hazard{{Key: key, What: "the child has no name, and Traefik does not build the service", Fix: "write the backend's name or delete the child", Blocking: true}}
	case twice:
		return []Hazard{{Key: key, What: name + " is a child twice, the other one is " + other, Fix: "delete one of the two children", Blocking: true}}
	case !w.serves(name):
		return []Hazard{{Key: key, What: fmt.Sprintf("there is no service %q under %s/http/services/, and a child without a service takes the whole of %s down, even at weight 0", name, w.root, w.service), Fix: "create the service or delete the child", Blocking: true}}
	}
	names[name] = c.folder
	if strings.HasPrefix(strings.TrimSpace(string(c.weight.Value)), "-") {
		return []Hazard{{Key: c.weight.Key, What: "a negative weight counts as 0", Fix: "write 0"}}
	}
	return nil
}

// serves reports whether the tree has the service, as far as it can know: one of another
// provider (name@file) is not in it.
func (w *traefikWalk) serves(name string) bool {
	name, provider, _ := strings.Cut(name, "@")
	_, there := w.types[name]
	return there || provider != "" && provider != "consul"
}

// pad makes the fragments long enough to be compared with our service's path.
func pad(parts []string) []string { return append(slices.Clone(parts), "", "", "", "", "") }
