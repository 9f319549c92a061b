package actuators

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// ErrNoMirror means that the runbook's routing, or the store, lays out no mirror.
var ErrNoMirror = errors.New("no mirror is laid out")

// mirrors knows how one kind of router spells the copying of requests.
type mirrors interface {
	// mirrored reads the percent of each backend that is laid out.
	mirrored(store.Snapshot) (map[string]int, error)
	// mirrorWrites lists every key of the mirror with its wanted text, changed or not.
	mirrorWrites(snap store.Snapshot, backend string, percent int) ([]write, error)
}

// Mirrored returns the percent of the requests that the store tells the router to copy
// to each backend that is laid out. An error wraps [ErrNoMirror] if none is.
func (r Router) Mirrored(snap store.Snapshot) (map[string]int, error) {
	if r.mirror == nil {
		return nil, fmt.Errorf("the runbook has no routing.mirror: %w", ErrNoMirror)
	}
	return r.mirror.mirrored(snap)
}

// PlanMirror returns the operations that set the percent of a backend, 0 to 100: a Set
// for what changes and a Check for each other key of the mirror. A backend that is not
// laid out yet is added if it is to get copies and the router has a service of it.
func (r Router) PlanMirror(snap store.Snapshot, backend string, percent int) ([]store.Op, error) {
	switch {
	case r.mirror == nil:
		return nil, fmt.Errorf("the runbook has no routing.mirror: %w", ErrNoMirror)
	case percent < 0 || percent > 100:
		return nil, fmt.Errorf("plan mirror: %d is not a share in percent", percent)
	case backend == "":
		return nil, errors.New("plan mirror: no backend is named")
	}
	writes, err := r.mirror.mirrorWrites(snap, backend, percent)
	if err != nil {
		return nil, err
	}
	var ops []store.Op
	for _, w := range writes {
		op := store.Op{Verb: store.Check, Key: w.key, Index: w.index}
		if w.changes() {
			op.Verb, op.Value = store.Set, []byte(w.to)
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// traefikMirror is the layout of Traefik's KV provider for a service of type mirroring,
//
//	<root>/http/services/<service>/mirroring/{service,mirrors/<n>/{name,percent}}
//
// A missing percent is 0 for Traefik.
type traefikMirror struct {
	traefik
	mirror string // the service's name
}

// twin is one backend that gets copies. An entry with index 0 is missing.
type twin struct {
	segment, folder string
	name, percent   store.Entry
}

func (t traefik) mirroring(m runbook.Mirroring) (mirrors, error) {
	const at = "read routing.mirror.service %q: "
	if fold(m.Service) == fold(t.service) {
		return nil, fmt.Errorf(at+"it is the weighted service; Traefik builds no service of two types", m.Service)
	}
	if err := sound("routing.mirror.service", m.Service); err != nil || strings.Contains(m.Service, "/") {
		return nil, fmt.Errorf(at+"a service's name has letters, digits, dot, dash and underscore", m.Service)
	}
	return traefikMirror{t, m.Service}, nil
}

func (t traefikMirror) base() string {
	return t.root + "/http/services/" + t.mirror + "/mirroring/"
}

func (t traefikMirror) mirrored(snap store.Snapshot) (map[string]int, error) {
	_, twins, err := t.layout(snap)
	if err != nil {
		return nil, err
	}
	shares := map[string]int{}
	for _, w := range twins {
		name := string(w.name.Value)
		if _, again := shares[name]; again || name == "" {
			return nil, fmt.Errorf("read %sname: %q is no name, or one that is there twice; write another or delete it", w.folder, name)
		}
		if shares[name], err = w.share(); err != nil {
			return nil, err
		}
	}
	return shares, nil
}

func (w twin) share() (int, error) {
	if w.percent.Index == 0 {
		return 0, nil
	}
	n, err := strconv.Atoi(string(w.percent.Value))
	if err != nil || n < 0 || n > 100 {
		return 0, fmt.Errorf("read %s: %q is no percent, and Traefik builds no service with it; write a whole number from 0 to 100", w.percent.Key, w.percent.Value)
	}
	return n, nil
}

// layout reads the main service's key and the backends that are laid out.
func (t traefikMirror) layout(snap store.Snapshot) (store.Entry, []twin, error) {
	var main store.Entry
	var twins []twin
	at := map[string]int{}
	for _, e := range snap.Under(t.root + "/") {
		parts := fragments(e.Key[len(t.root)+1:])
		if len(parts) < 5 || fold(strings.Join(parts[:4], "/")) != fold("http/services/"+t.mirror+"/mirroring") {
			continue
		}
		entry := &main
		if len(parts) == 7 && fold(parts[4]) == "mirrors" {
			i, ok := at[fold(parts[5])]
			if !ok {
				i = len(twins)
				at[fold(parts[5])] = i
				twins = append(twins, twin{segment: parts[5], folder: folderOf(e.Key)})
			}
			switch fold(parts[6]) {
			case "name":
				entry = &twins[i].name
			case "percent":
				entry = &twins[i].percent
			default:
				continue
			}
		} else if len(parts) != 5 || fold(parts[4]) != "service" {
			continue
		}
		if entry.Index != 0 {
			return main, nil, fmt.Errorf("read %s: Traefik takes it and %s for one key, and only one of them counts; delete one", e.Key, entry.Key)
		}
		*entry = e
	}
	if main.Index == 0 {
		return main, nil, fmt.Errorf("read %sservice: %w; write the weighted service's name %s there, and let your routers send to %s", t.base(), ErrNoMirror, t.service, t.mirror)
	}
	return main, twins, nil
}

func (t traefikMirror) mirrorWrites(snap store.Snapshot, backend string, percent int) ([]write, error) {
	main, twins, err := t.layout(snap)
	if err != nil {
		return nil, err
	}
	tree := t.walk(snap)
	if kinds := tree.types[t.mirror]; percent > 0 && len(kinds) > 1 {
		return nil, fmt.Errorf("plan %s: %s has more than one type (%s), and Traefik builds none of them; keep one", t.base(), t.mirror, strings.Join(kinds, ", "))
	}
	same := func(e store.Entry) write {
		return write{key: e.Key, from: string(e.Value), to: string(e.Value), index: e.Index}
	}
	writes, found, next := []write{same(main)}, false, 0
	folder := t.base() + "mirrors/"
	for _, w := range twins {
		folder = folderOf(strings.TrimSuffix(w.folder, "/"))
		if n, err := strconv.Atoi(w.segment); err == nil && n >= next && n < maxWeight {
			next = n + 1
		}
		if w.name.Index != 0 {
			writes = append(writes, same(w.name))
		}
		if string(w.name.Value) != backend {
			if w.percent.Index != 0 {
				writes = append(writes, same(w.percent))
			}
			continue
		}
		found = true
		key := w.percent.Key
		if key == "" {
			key = w.folder + "percent"
		}
		writes = append(writes, write{key: key, from: string(w.percent.Value), to: strconv.Itoa(percent), index: w.percent.Index})
	}
	if percent > 0 && !tree.serves(backend) {
		return nil, fmt.Errorf("plan %s: there is no service %s under %s/http/services/, and a mirror without a service takes the whole of %s down; create it first", folder, backend, t.root, t.mirror)
	}
	if !found && percent > 0 {
		folder += strconv.Itoa(next) + "/"
		writes = append(writes, write{key: folder + "name", to: backend}, write{key: folder + "percent", to: strconv.Itoa(percent)})
	}
	return writes, nil
}

func (d document) mirroring(runbook.Mirroring) (mirrors, error) { return d, nil }

// mirrored reads the document's field mirror: {"backend":"ranker-v2","percent":10}.
func (d document) mirrored(snap store.Snapshot) (map[string]int, error) {
	_, o, err := d.read(snap)
	if err != nil {
		return nil, err
	}
	raw, ok := o.get("mirror")
	if !ok || string(raw) == "null" {
		return map[string]int{}, nil
	}
	in, err := parseObject(raw)
	if err != nil {
		return nil, fmt.Errorf("read %s: mirror is %w; write {\"backend\": NAME, \"percent\": 0 to 100}", d.key, err)
	}
	name, _ := in.get("backend")
	share, _ := in.get("percent")
	backend, err := strconv.Unquote(string(name))
	percent, wrong := strconv.Atoi(string(share))
	if err != nil || wrong != nil || backend == "" || percent < 0 || percent > 100 {
		return nil, fmt.Errorf("read %s: mirror has backend %s and percent %s; write {\"backend\": NAME, \"percent\": 0 to 100}", d.key, name, share)
	}
	return map[string]int{backend: percent}, nil
}

func (d document) mirrorWrites(snap store.Snapshot, backend string, percent int) ([]write, error) {
	e, o, err := d.read(snap)
	if err != nil {
		return nil, err
	}
	shares, err := d.mirrored(snap)
	if err != nil {
		return nil, err
	}
	w := write{key: d.key, from: string(e.Value), to: string(e.Value), index: e.Index}
	now, laid := shares[backend]
	if !laid && percent == 0 || laid && now == percent {
		return []write{w}, nil
	}
	for _, other := range slices.Sorted(maps.Keys(shares)) {
		if other != backend && shares[other] > 0 {
			return nil, fmt.Errorf("plan %s: mirror already copies %d %% to %s, and one document has one mirror; stop that first", d.key, shares[other], other)
		}
	}
	want, err := values("mirror", map[string]any{"backend": backend, "percent": percent}, "schema", runbook.Schema, "revision", revision(o)+1, "by", "autorollback")
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", d.key, err)
	}
	w.to = string(o.edit(want))
	return []write{w}, nil
}
