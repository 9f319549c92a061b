package actuators

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
)

// A fabioTable is what the commands say of one service, read in the order in which fabio
// reads them.
type fabioTable struct {
	fabio
	weights  map[string]map[string]float64 // place → tag → part of one
	deleted  map[string]command            // tag → the command that takes its instances out
	anywhere map[string]command            // the same, of commands that name no service
	rest     string                        // the tag that gets what no line gives away; empty: none is named
	problems []badLine                     // commands that are no split by tags
	touched  map[string]bool               // keys with a command about the service
}

// read takes in every key that fabio reads.
func (f fabio) read(snap store.Snapshot) *fabioTable {
	t := &fabioTable{
		fabio: f, weights: map[string]map[string]float64{}, deleted: map[string]command{},
		anywhere: map[string]command{}, touched: map[string]bool{},
	}
	for _, source := range f.sources {
		t.weights[place(source)] = map[string]float64{}
	}
	for _, e := range snap.Under(f.root) {
		all, comments, _ := parseCommands(e)
		for _, c := range all {
			if t.concerns(c) {
				t.touched[c.key] = true
				t.take(c)
			}
		}
		if e.Key == f.key() {
			t.rest = restOf(comments)
		}
	}
	return t
}

// concerns reports whether the command is about the service's instances.
func (f fabio) concerns(c command) bool {
	switch c.verb {
	case routeAdd:
		return c.service == f.service && c.weight > 0
	case routeDel:
		return c.service == f.service || c.service == "" && len(c.tags) > 0
	}
	return (c.service == f.service || c.service == "") && f.has(c.source)
}

// has reports whether instances of the service are reached under the source.
func (f fabio) has(source string) bool {
	return slices.ContainsFunc(f.sources, func(s string) bool { return place(s) == place(source) })
}

func (t *fabioTable) take(c command) {
	if what := t.objection(c); what != "" {
		t.problems = append(t.problems, badLine{c.key, c.text, what, c.line})
		return
	}
	switch {
	case len(c.tags) != 1: // it takes out one instance, or those of another source
	case c.verb == routeWeight:
		t.weights[place(c.source)][c.tags[0]] = c.weight
	case c.service == "":
		t.anywhere[c.tags[0]] = c
	default:
		t.deleted[c.tags[0]] = c
	}
}

// objection says why a command about the service is no split by tags; empty: it is one, or
// takes out one instance.
func (t *fabioTable) objection(c command) string {
	one := len(c.tags) == 1
	switch {
	case c.verb == routeAdd:
		return "gives one instance a weight of its own; leave the weight out"
	case c.verb == routeDel && c.target != "", c.verb == routeDel && one:
		return ""
	case c.verb == routeDel && c.service == "":
		return "" // instances with both tags, of any service
	case c.verb == routeDel && len(c.tags) == 0 && (c.source == "" || t.has(c.source)):
		return "takes out every instance of " + t.service + "; name a tag"
	case c.verb == routeDel && c.source != "":
		return ""
	case !one:
		return "names no single tag, and a backend is the instances with one tag"
	case t.gone(c.tags[0]):
		return "weighs instances that a line before it takes out: fabio refuses its whole table; delete one of the two"
	case !(c.weight <= maxWeight): // and not a number
		return "has no usable weight; write a fraction such as 0.05"
	case c.weight <= 0:
		return fmt.Sprintf("means no weight of their own, so an even share and not none; write route del %s tags %q", t.service, c.tags[0])
	}
	return ""
}

func (t *fabioTable) gone(tag string) bool {
	_, ours := t.deleted[tag]
	return ours
}

// split is the shares of the tags, in parts of any sum, the same under every source.
func (t *fabioTable) split() (map[string]float64, error) {
	if len(t.problems) > 0 {
		return nil, t.problems[0].reading()
	}
	var all map[string]float64
	for _, source := range t.sources {
		shares, err := t.sharesAt(t.weights[place(source)])
		if err != nil {
			return nil, err
		}
		if all != nil && !record.Shares(all).Equal(record.Shares(shares)) {
			return nil, fmt.Errorf("read %s: %s has %v and %s has %v; write the same weights for each source", t.key(), t.sources[0], record.Shares(all), source, record.Shares(shares))
		}
		all = shares
	}
	return all, nil
}

func (t *fabioTable) sharesAt(weights map[string]float64) (map[string]float64, error) {
	shares, sum := map[string]float64{}, 0.0
	for tag, w := range weights {
		if !t.gone(tag) {
			shares[tag], sum = w, sum+w
		}
	}
	_, weighed := shares[t.rest]
	switch {
	case t.rest == "" && len(shares)+len(t.deleted) == 0:
		return nil, fmt.Errorf("read %s: no line gives tags of %s a share: %w", t.key(), t.service, ErrNoSplit)
	case t.rest == "" && sum < 1-fabioRounding:
		return nil, fmt.Errorf("read %s: no line says whose the rest is; write a line `%sTAG` there", t.key(), restMark)
	case t.rest != "" && t.gone(t.rest):
		return nil, fmt.Errorf("read %s: the rest is %s's, and line %d of %s takes it out: nobody is served; delete one of the two", t.key(), t.rest, t.deleted[t.rest].line, t.deleted[t.rest].key)
	case t.rest != "" && !weighed:
		shares[t.rest] = max(0, 1-sum)
	}
	for tag := range t.deleted {
		shares[tag] = 0
	}
	for tag, c := range t.anywhere {
		if shares[tag] > 0 {
			return nil, badLine{c.key, c.text, "takes out the instances of " + t.service + " as well; name the service it is about", c.line}.reading()
		}
	}
	return shares, nil
}

// tags are all that a line names, sorted.
func (t *fabioTable) tags() []string {
	all := map[string]bool{}
	for _, weights := range t.weights {
		for tag := range weights {
			all[tag] = true
		}
	}
	for tag := range t.deleted {
		all[tag] = true
	}
	if t.rest != "" {
		all[t.rest] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func (b badLine) reading() error {
	what, fix, _ := strings.Cut(b.what, "; ")
	return fmt.Errorf("read %s: line %d, `%s`, %s; %s", b.key, b.line, b.text, what, fix)
}
