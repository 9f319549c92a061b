package actuators

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// maxWeight bounds the weights we read, so that shares can be multiplied out.
const maxWeight = 1_000_000

// traefik is the layout of Traefik's KV provider for a service of type weighted or
// highestrandomweight,
//
//	<root>/http/services/<service>/<type>/services/<n>/{name,weight}
//
// Traefik reads keys without regard to case, orders children by key, takes 1 for a
// missing weight, and adds no child with a weight of 0 or less.
type traefik struct {
	root, service, kind string
	sticky              bool // users are to stay on their side
}

func openTraefik(r runbook.Routing) (codec, error) {
	t := traefik{root: cmp.Or(r.Root, "traefik"), service: r.Service, kind: cmp.Or(r.Type, runbook.Weighted), sticky: r.Sticky}
	if strings.Contains(r.Service, "/") {
		return nil, fmt.Errorf("read routing.service %q: a service's name has no slash", r.Service)
	}
	if err := sound("routing.service", r.Service); err != nil {
		return nil, err
	}
	if err := sound("routing.root", t.root); err != nil {
		return nil, err
	}
	if strings.HasPrefix(r.Flags, t.root) {
		return nil, fmt.Errorf("read routing.flags %q: keys that begin with %q wake or freeze Traefik; choose another prefix",
			r.Flags, t.root)
	}
	if t.kind == runbook.RouterService {
		return traefikRouter{traefik: traefik{root: t.root}, name: t.service}, nil
	}
	return t, nil
}

func (t traefik) prefix() string { return t.root + "/" }

func (t traefik) weights() string {
	return t.root + "/http/services/" + t.service + "/" + t.kind + "/services/"
}

func (t traefik) weightKey() string { return t.weights() + "0/weight" }

// child is one backend of the weighted service. An entry with index 0 is missing.
type child struct {
	segment      string // <n> as first spelled
	folder       string // the key up to and with the slash after <n>
	name, weight store.Entry
}

func (t traefik) decode(snap store.Snapshot) (record.Split, error) {
	kids, err := t.children(snap)
	if err != nil {
		return nil, err
	}
	weights := map[string]float64{}
	for _, c := range kids {
		w, err := c.share()
		if err != nil {
			return nil, err
		}
		weights[string(c.name.Value)] = float64(w)
	}
	return record.Shares(weights), nil
}

// children returns the backends in Traefik's order, each with a name of its own.
func (t traefik) children(snap store.Snapshot) ([]child, error) {
	kids, err := t.collect(snap)
	if err != nil {
		return nil, err
	}
	if len(kids) == 0 {
		return nil, fmt.Errorf("read %s: %w", t.weights(), ErrNoSplit)
	}
	names := map[string]string{}
	for _, c := range kids {
		name := string(c.name.Value)
		if name == "" {
			return nil, fmt.Errorf("read %sname: there is none, so nobody can say whose weight this is; write the backend's name or delete the child", c.folder)
		}
		if other, twice := names[name]; twice {
			return nil, fmt.Errorf("read %sname: %s is named at %s as well; delete one of the two children", c.folder, name, other)
		}
		names[name] = c.folder
	}
	return kids, nil
}

func (t traefik) collect(snap store.Snapshot) ([]child, error) {
	var kids []child
	at := map[string]int{}
	for _, e := range snap.Under(t.root + "/") {
		parts := fragments(e.Key[len(t.root)+1:])
		if len(parts) != 7 || !t.ours(parts) {
			continue
		}
		segment := fold(parts[5])
		i, ok := at[segment]
		if !ok {
			i = len(kids)
			at[segment] = i
			kids = append(kids, child{segment: parts[5], folder: folderOf(e.Key)})
		}
		entry := kids[i].entry(parts[6])
		if entry == nil {
			continue
		}
		if entry.Index != 0 {
			return nil, fmt.Errorf("read %s: Traefik takes it and %s for one key, and only one of them counts; delete one", e.Key, entry.Key)
		}
		*entry = e
	}
	return kids, nil
}

func (c *child) entry(field string) *store.Entry {
	switch fold(field) {
	case "name":
		return &c.name
	case "weight":
		return &c.weight
	}
	return nil
}

// share is the weight as it counts. White space around it is a hazard (Traefik then
// reads nothing at all), but what was meant is plain.
func (c child) share() (int, error) {
	if c.weight.Index == 0 {
		return 1, nil
	}
	w, err := strconv.Atoi(strings.TrimSpace(string(c.weight.Value)))
	if err != nil || w > maxWeight {
		return 0, fmt.Errorf("read %s: %q is no weight; write a whole number from 0 to %d", c.weight.Key, c.weight.Value, maxWeight)
	}
	return max(0, w), nil
}

func (t traefik) writes(snap store.Snapshot, to record.Split) (record.Split, []write, error) {
	kids, err := t.children(snap)
	if err != nil && !errors.Is(err, ErrNoSplit) {
		return nil, nil, err
	}
	from, unknown := map[string]float64{}, false
	spell := speller(to)
	var writes []write
	known := map[string]bool{}
	for _, c := range kids {
		name := string(c.name.Value)
		known[name] = true
		// A weight that cannot be read is written anew: it must not stop a rollback.
		w, err := c.share()
		from[name], unknown = float64(w), unknown || err != nil
		writes = append(writes,
			write{key: c.name.Key, from: name, to: name, index: c.name.Index},
			write{key: c.weightKey(), from: string(c.weight.Value), to: spell(to[name]), index: c.weight.Index})
	}
	added, err := t.newcomers(snap, kids, known, to, spell)
	if err != nil {
		return nil, nil, err
	}
	if unknown {
		from = nil // a share is one of a whole that is not known
	}
	return record.Shares(from), append(writes, added...), nil
}

// speller writes shares as Traefik's whole numbers: percents, or hundredths of them where one of
// the shares is not whole.
func speller(to record.Split) func(runbook.Weight) string {
	for _, w := range to {
		if !w.Whole() {
			return func(w runbook.Weight) string { return strconv.Itoa(w.Hundredths()) }
		}
	}
	return runbook.Weight.String
}

func (c child) weightKey() string {
	if c.weight.Index != 0 {
		return c.weight.Key
	}
	return c.folder + "weight"
}

// newcomers adds a child for each backend that has a share and is not there yet.
func (t traefik) newcomers(snap store.Snapshot, kids []child, known map[string]bool, to record.Split, spell func(runbook.Weight) string) ([]write, error) {
	base, next := t.place(kids)
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(to)), func(name string) bool { return known[name] || to[name] == 0 })
	if len(names) == 0 {
		return nil, nil
	}
	tree := t.walk(snap)
	var writes []write
	for _, name := range names {
		if !tree.serves(name) {
			return nil, fmt.Errorf("plan %s%d/name: there is no service %s under %s/http/services/, and a child without a service takes the whole of %s down; create it first", base, next, name, t.root, t.service)
		}
		folder := base + strconv.Itoa(next) + "/"
		writes = append(writes, write{key: folder + "name", to: name}, write{key: folder + "weight", to: spell(to[name])})
		next++
	}
	return writes, nil
}

// place is where a new child goes: beside the others as they are spelled, after the
// greatest number in use.
func (t traefik) place(kids []child) (base string, next int) {
	base = t.weights()
	for i, c := range kids {
		if i == 0 {
			base = folderOf(strings.TrimSuffix(c.folder, "/"))
		}
		if n, err := strconv.Atoi(c.segment); err == nil && n >= next && n < maxWeight {
			next = n + 1
		}
	}
	return base, next
}

func (t traefik) ours(parts []string) bool {
	for i, want := range []string{"http", "services", t.service, t.kind, "services"} {
		if fold(parts[i]) != fold(want) {
			return false
		}
	}
	return true
}

// fragments splits a key as Traefik does: empty parts do not count.
func fragments(key string) []string {
	return strings.FieldsFunc(key, func(r rune) bool { return r == '/' })
}

// fold makes equal what Traefik takes for equal.
func fold(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' || s[i] >= utf8.RuneSelf {
			return strings.ToLower(strings.ToUpper(s))
		}
	}
	return s
}

// folderOf is the key up to and with its last inner slash.
func folderOf(key string) string {
	key = strings.TrimRight(key, "/")
	return key[:strings.LastIndexByte(key, '/')+1]
}
