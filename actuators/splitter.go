package actuators

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// splitter is Consul's config entry service-splitter, which Envoy follows. A backend is a subset
// of the service, as its service-resolver defines it.
type splitter struct {
	service string
	mark    string // written into the entry's Meta; empty: it stays as it is
}

// markField is our field of an entry's Meta. Consul takes content that stands there already for
// written at any index: a mark makes a write one of its own.
const markField = "autorollback"

func openSplitter(r runbook.Routing) (codec, error) {
	if err := sound("routing.service", r.Service); err != nil || strings.Contains(r.Service, "/") {
		return nil, fmt.Errorf("read routing.service %q: a service's name has letters, digits, dot, dash and underscore", r.Service)
	}
	return splitter{service: r.Service}, nil
}

// Marked is the router whose plans bear a mark, where its writes cannot be in a transaction with
// the records: such a plan changes nothing only if a write with this mark stands there.
func (r Router) Marked(mark string) Router {
	if s, ok := r.codec.(splitter); ok {
		s.mark = mark
		r.codec = s
	}
	return r
}

func (s splitter) key(kind string) string {
	return store.ConfigEntry + "://" + kind + "/" + s.service
}

const proxyDefaults = store.ConfigEntry + "://proxy-defaults/global"

func (s splitter) prefix() string { return s.key("service-splitter") }

// entries are all that must be read.
func (s splitter) entries() []string {
	return []string{s.prefix(), s.key("service-resolver"), s.key("service-router"), s.key("service-defaults"), proxyDefaults}
}

func (s splitter) weights() string { return s.prefix() }

func (s splitter) weightKey() string { return s.prefix() }

// A leg is one part of a split, with all of its fields.
type leg map[string]any

// subset is the backend of a leg; an error says why it has none.
func (s splitter) subset(l leg) (string, error) {
	text := func(name string) string { t, _ := l[name].(string); return t }
	name, of := text("ServiceSubset"), text("Service")
	if of != "" && of != s.service || name == "" {
		return "", fmt.Errorf("read %s: it sends to the service %q, subset %q, and a backend is a subset of %s; split its subsets only", s.prefix(), of, name, s.service)
	}
	return name, nil
}

func (s splitter) read(snap store.Snapshot) (store.Entry, map[string]any, []leg, error) {
	e, ok := snap.Get(s.prefix())
	if !ok {
		return e, map[string]any{"Kind": "service-splitter", "Name": s.service}, nil, fmt.Errorf("read %s: %w", s.prefix(), ErrNoSplit)
	}
	var fields map[string]any
	var legs struct{ Splits []leg }
	err := errors.Join(json.Unmarshal(e.Value, &fields), json.Unmarshal(e.Value, &legs))
	if err == nil && fields == nil {
		err = errors.New("it is null")
	}
	if err != nil {
		return e, nil, nil, fmt.Errorf("read %s: %w; write a service-splitter", s.prefix(), err)
	}
	return e, fields, legs.Splits, nil
}

func (s splitter) decode(snap store.Snapshot) (record.Split, error) {
	_, _, legs, err := s.read(snap)
	if err != nil {
		return nil, err
	}
	weights := map[string]float64{}
	for _, l := range legs {
		name, err := s.subset(l)
		if err != nil {
			return nil, err
		}
		weights[name] = l.weight()
	}
	return record.Shares(weights), nil
}

// weight is the leg's, 0 if it has none, as Consul takes it.
func (l leg) weight() float64 {
	w, _ := l["Weight"].(float64)
	return max(0, w)
}

func (s splitter) writes(snap store.Snapshot, to record.Split) (record.Split, []write, error) {
	from, err := s.decode(snap)
	if err != nil && !errors.Is(err, ErrNoSplit) {
		return nil, nil, err
	}
	e, fields, legs, _ := s.read(snap)
	known := map[string]bool{}
	for _, l := range legs {
		name, _ := s.subset(l)
		known[name], l["Weight"] = true, to[name]
	}
	subsets := s.subsets(snap)
	for _, name := range slices.Sorted(maps.Keys(to)) {
		switch {
		case known[name] || to[name] == 0:
			continue
		case !subsets[name]:
			return nil, nil, fmt.Errorf("plan %s: %s has no subset %q; define it first", s.prefix(), s.key("service-resolver"), name)
		}
		legs = append(legs, leg{"ServiceSubset": name, "Weight": to[name]})
	}
	fields["Splits"] = legs
	if s.mark != "" {
		meta, _ := fields["Meta"].(map[string]any)
		meta = maps.Clone(meta)
		if meta == nil {
			meta = map[string]any{}
		}
		meta[markField] = s.mark
		fields["Meta"] = meta
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, nil, fmt.Errorf("plan %s: %w", s.prefix(), err)
	}
	return from, []write{{key: s.prefix(), from: string(e.Value), to: string(text), index: e.Index}}, nil
}

// subsets are those of the service's resolver.
func (s splitter) subsets(snap store.Snapshot) map[string]bool {
	var resolver struct{ Subsets map[string]any }
	if e, ok := snap.Get(s.key("service-resolver")); ok {
		_ = json.Unmarshal(e.Value, &resolver) // Consul wrote it
	}
	all := map[string]bool{}
	for name := range resolver.Subsets {
		all[name] = true
	}
	return all
}

func (s splitter) mirroring(runbook.Mirroring) (mirrors, error) {
	return nil, errors.New("read routing.mirror: Consul's service mesh copies no requests; remove it")
}

// observe reads the compiled discovery chain, which the agent hands to its Envoys.
func (s splitter) observe(get fetch, _ []string) (record.Split, error) {
	body, err := get("/v1/discovery-chain/" + url.PathEscape(s.service))
	if err != nil {
		return nil, err
	}
	var chain struct {
		Chain struct {
			Nodes map[string]struct {
				Type, Name string
				Splits     []struct{ Definition leg }
			}
		}
	}
	if err := json.Unmarshal(body, &chain); err != nil {
		return nil, fmt.Errorf("its answer is not a discovery chain: %w", err)
	}
	for _, node := range chain.Chain.Nodes {
		if node.Type != "splitter" || !strings.HasPrefix(node.Name, s.service+".") {
			continue
		}
		weights := map[string]float64{}
		for _, l := range node.Splits {
			name, err := s.subset(l.Definition)
			if err != nil {
				return nil, err
			}
			weights[name] = l.Definition.weight()
		}
		return record.Shares(weights), nil
	}
	return nil, fmt.Errorf("the discovery chain of %s has no splitter", s.service)
}
