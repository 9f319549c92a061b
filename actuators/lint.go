package actuators

import (
	"fmt"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/store"
)

// lint walks the whole tree as Traefik does: one key under http, tcp, udp or tls
// that it cannot read keeps it from reading any.
func (t traefik) lint(snap store.Snapshot) []Hazard {
	var found []Hazard
	known := knownShape()
	first, spelled := map[string]string{}, map[string]string{}
	all := snap.Under(t.root + "/")
	for i, e := range all {
		parts := fragments(e.Key[len(t.root)+1:])
		if !decoded(parts) {
			continue
		}
		path := fold(strings.Join(parts, "/"))
		if other, twice := first[path]; twice {
			found = append(found, Hazard{Key: e.Key, What: "Traefik takes it and " + other + " for one key, and only one of them counts", Fix: "delete one of the two", Blocking: len(parts) > 4 && t.ours(pad(parts))})
			continue
		}
		first[path] = e.Key
		found = append(found, t.respelled(snap, e, parts, spelled)...)
		found = append(found, unreadable(known, e, parts, func() bool { return alone(all, i) })...)
	}
	found = append(found, t.lintService(snap)...)
	slices.SortStableFunc(found, func(a, b Hazard) int { return strings.Compare(a.Key, b.Key) })
	return found
}

// respelled finds a name that is spelled in two ways: Traefik takes the first spelling
// for the name of both, and whoever asks for the other finds nothing.
func (t traefik) respelled(snap store.Snapshot, e store.Entry, parts []string, spelled map[string]string) []Hazard {
	if len(parts) < 3 || fold(parts[0]) != "http" {
		return nil
	}
	path := fold(parts[1] + "/" + parts[2])
	name, seen := spelled[path]
	if !seen {
		spelled[path] = parts[2]
	}
	if !seen || name == parts[2] || spelled[path+"/"+parts[2]] != "" {
		return nil
	}
	spelled[path+"/"+parts[2]] = "told"
	return []Hazard{{
		Key:      e.Key,
		What:     fmt.Sprintf("it says %q where other keys say %q: Traefik takes the first for the name of both", parts[2], name),
		Fix:      "spell both the same",
		Blocking: fold(parts[1]) == "services" && (t.concerns(snap, name) || t.concerns(snap, parts[2])),
	}}
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

// alone reports whether no other key lies below this one.
func alone(all []store.Entry, i int) bool {
	below := fold(strings.TrimRight(all[i].Key, "/")) + "/"
	return !slices.ContainsFunc(all, func(o store.Entry) bool {
		return o.Key != all[i].Key && strings.HasPrefix(fold(o.Key), below)
	})
}

func unreadable(known *shape, e store.Entry, parts []string, alone func() bool) []Hazard {
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
		fix := "delete it (or ignore this if your Traefik is newer than 3.6 and knows it)"
		if near := above.nearest(parts[n]); near != "" {
			fix = fmt.Sprintf("if it was meant to be %q, write that and delete this", near)
		}
		return blocking(fmt.Sprintf("Traefik knows no %q here, and one unknown key keeps it from reading the whole tree", parts[n]), fix)
	case s.kind == "" && isField && alone():
		return blocking("it is a folder with nothing in it, and that keeps Traefik from reading the whole tree", "delete it")
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

// lintService looks at what Traefik reads and then does not build: our service, and
// the services that its children name.
func (t traefik) lintService(snap store.Snapshot) []Hazard {
	var found []Hazard
	for service, types := range t.types(snap) {
		if len(types) < 2 {
			continue
		}
		found = append(found, Hazard{
			Key:      t.root + "/http/services/" + service,
			What:     "it has more than one type (" + strings.Join(types, ", ") + "), and Traefik builds none of them",
			Fix:      "keep one type and give the others services of their own",
			Blocking: t.concerns(snap, service),
		})
	}
	kids, err := t.collect(snap)
	if err != nil {
		return found // case duplicates: told above
	}
	names := map[string]string{}
	for _, c := range kids {
		found = append(found, t.lintChild(snap, c, names)...)
	}
	return found
}

func (t traefik) lintChild(snap store.Snapshot, c child, names map[string]string) []Hazard {
	name := string(c.name.Value)
	key := c.folder + "name"
	switch other, twice := names[name]; {
	case name == "":
		return []Hazard{{Key: key, What: "the child has no name, and Traefik does not build the service", Fix: "write the backend's name or delete the child", Blocking: true}}
	case twice:
		return []Hazard{{Key: key, What: name + " is a child twice, the other one is " + other, Fix: "delete one of the two children", Blocking: true}}
	case !t.serves(snap, name):
		return []Hazard{{Key: key, What: fmt.Sprintf("there is no service %q under %s/http/services/, and a child without a service takes the whole of %s down, even at weight 0", name, t.root, t.service), Fix: "create the service or delete the child", Blocking: true}}
	}
	names[name] = c.folder
	if strings.HasPrefix(strings.TrimSpace(string(c.weight.Value)), "-") {
		return []Hazard{{Key: c.weight.Key, What: "a negative weight counts as 0", Fix: "write 0"}}
	}
	return nil
}

// types lists the types each service has keys of.
func (t traefik) types(snap store.Snapshot) map[string][]string {
	types := map[string][]string{}
	for _, e := range snap.Under(t.root + "/") {
		parts := fragments(e.Key[len(t.root)+1:])
		if len(parts) < 5 || fold(parts[0]) != "http" || fold(parts[1]) != "services" {
			continue
		}
		service, kind := parts[2], fold(parts[3])
		if !slices.Contains(types[service], kind) {
			types[service] = append(types[service], kind)
		}
	}
	return types
}

// concerns reports whether our service cannot be built without that one.
func (t traefik) concerns(snap store.Snapshot, service string) bool {
	if fold(service) == fold(t.service) {
		return true
	}
	kids, _ := t.collect(snap)
	return slices.ContainsFunc(kids, func(c child) bool {
		name, _, _ := strings.Cut(string(c.name.Value), "@")
		return name == service
	})
}

// pad makes the fragments long enough to be compared with our service's path.
func pad(parts []string) []string { return append(slices.Clone(parts), "", "", "", "", "") }
