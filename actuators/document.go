package actuators

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// document is the json router: one key with one object,
//
//	{"schema":1,"revision":17,"release":"…","weights":{"v1":95,"v2":5},"by":"autorollback"}
//
// One key is never seen half written. Fields that others added stay.
type document struct{ key string }

func openDocument(r runbook.Routing) (codec, error) {
	return document{key: r.Key}, sound("routing.key", r.Key)
}

func (d document) prefix() string { return d.key }

func (d document) weights() string { return d.key }

func (d document) weightKey() string { return d.key }

func (d document) decode(snap store.Snapshot) (record.Split, error) {
	_, o, err := d.read(snap)
	if err != nil {
		return nil, err
	}
	split, bad, err := d.readable(o)
	if err == nil && len(bad) > 0 {
		err = fmt.Errorf("read %s: weights.%s is %s; write a number from 0 to %d with at most two decimals", d.key, bad[0].name, bad[0].value, maxWeight)
	}
	if err != nil {
		return nil, err
	}
	return split, nil
}

func (d document) read(snap store.Snapshot) (store.Entry, object, error) {
	e, ok := snap.Get(d.key)
	if !ok {
		return e, object{text: []byte("{}")}, fmt.Errorf("read %s: %w", d.key, ErrNoSplit)
	}
	o, err := parseObject(e.Value)
	if err != nil {
		return e, object{}, fmt.Errorf("read %s: %w; write one JSON object with schema and weights", d.key, err)
	}
	if newer(o) {
		return e, object{}, newerError(d.key)
	}
	raw, ok := o.get("schema")
	if schema, err := strconv.Atoi(string(raw)); ok && (err != nil || schema < 1) {
		return e, object{}, fmt.Errorf("read %s: schema is %s; write 1", d.key, raw)
	}
	return e, o, nil
}

// readable returns the readable weights, and those that are no weights, by name.
func (d document) readable(o object) (record.Split, []named, error) {
	raw, ok := o.get("weights")
	if !ok {
		return nil, nil, fmt.Errorf("read %s: there is no field weights: %w", d.key, ErrNoSplit)
	}
	in, err := parseObject(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: weights is %w; write an object of backend names and numbers", d.key, err)
	}
	if len(in.fields) == 0 {
		return nil, nil, fmt.Errorf("read %s: weights is empty: %w", d.key, ErrNoSplit)
	}
	weights := map[string]float64{}
	var bad []named
	for _, f := range in.fields {
		value := in.text[f.start:f.end]
		w, ok := relative(value)
		if !ok {
			bad = append(bad, named{f.name, value})
			continue
		}
		weights[f.name] = w
	}
	return record.Shares(weights), bad, nil
}

// relative reads a weight with at most two decimals.
func relative(text []byte) (float64, bool) {
	w, err := strconv.ParseFloat(string(text), 64)
	return w, err == nil && w >= 0 && w <= maxWeight && math.Round(w*100)/100 == w
}

func (d document) writes(snap store.Snapshot, to record.Split) (record.Split, []write, error) {
	e, o, err := d.read(snap)
	from := record.Split{}
	if err == nil {
		from, err = d.merge(o, &to)
	}
	if err != nil && !errors.Is(err, ErrNoSplit) {
		return nil, nil, err
	}
	w := write{key: d.key, from: string(e.Value), index: e.Index}
	want, wrong := values("weights", to, "schema", runbook.Schema, "revision", revision(o)+1, "by", "autorollback")
	if wrong != nil {
		return nil, nil, fmt.Errorf("plan %s: %w", d.key, wrong)
	}
	if err == nil && string(o.edit(want[:1])) == w.from {
		want = nil // the weights stand as they should: no new revision
	}
	w.to = string(o.edit(want))
	return from, []write{w}, nil
}

// merge adds the backends that only the document knows, at 0, and leaves out those
// at 0 that it does not know.
func (d document) merge(o object, to *record.Split) (record.Split, error) {
	from, bad, err := d.readable(o)
	if err != nil {
		return record.Split{}, err
	}
	all := record.Split{}
	for name := range from {
		all[name] = 0
	}
	for _, b := range bad {
		all[b.name] = 0
	}
	for name, w := range *to {
		if _, known := all[name]; known || w > 0 {
			all[name] = w
		}
	}
	*to = all
	if len(bad) > 0 {
		from = record.Split{} // a share is one of a whole that is not known
	}
	return from, nil
}

func revision(o object) int64 {
	raw, _ := o.get("revision")
	var n int64
	if json.Unmarshal(raw, &n) != nil {
		return 0
	}
	return min(max(0, n), math.MaxInt64-1)
}

func (d document) lint(snap store.Snapshot) []Hazard {
	_, o, err := d.read(snap)
	switch {
	case errors.Is(err, ErrNoSplit):
		return nil
	case err != nil:
		return []Hazard{d.refused(err)}
	}
	split, bad, err := d.readable(o)
	var found []Hazard
	if err != nil && !errors.Is(err, ErrNoSplit) {
		return []Hazard{d.refused(err)}
	}
	for _, b := range bad {
		found = append(found, Hazard{Key: d.key, What: fmt.Sprintf("weights.%s is %s, no number from 0 to %d with at most two decimals", b.name, b.value, maxWeight), Fix: "the next change writes it anew; until then templates may fail on it"})
	}
	if err == nil && len(bad) == 0 && split.Sum() == 0 {
		found = append(found, Hazard{Key: d.key, What: "all weights are 0: no user is served", Fix: "give a backend its share"})
	}
	for _, f := range o.fields {
		if known := strings.ToLower(f.name); known != f.name && slices.Contains([]string{"schema", "revision", "weights"}, known) {
			found = append(found, Hazard{Key: d.key, What: fmt.Sprintf("field %q beside or instead of %q: some readers take one for the other", f.name, known), Fix: "remove it"})
		}
	}
	return found
}

// refused is a document that cannot be read, as a hazard.
func (d document) refused(err error) Hazard {
	h := refused(d.key, err)
	h.Fix += ": no change can edit this document"
	return h
}
