package actuators

import (
	"fmt"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// A FlagDoc is what the servers of one version read: which bundle they serve, its
// flags, and whether they get traffic. Each version has its own key, so that both
// sides of a canary keep their own encoder.
type FlagDoc struct {
	Version string         // value of the version label; the key is <Routing.Flags><Version>
	Bundle  string         // digest
	Flags   map[string]any // bool, string or number
	Serving bool
	// Quarantined says that Flags are what the bundle has while it may not serve, see
	// [runbook.Bundle.Off]. The document has the field only once it was true.
	Quarantined bool
}

// PlanFlags is [Router.Plan] of the documents alone. Without a place for them it is nothing.
func (r Router) PlanFlags(snap store.Snapshot, docs []FlagDoc) ([]record.KeyChange, []store.Op, error) {
	writes, err := r.flagWrites(snap, docs)
	if err != nil {
		return nil, nil, err
	}
	keys, ops := operations(writes)
	return keys, ops, nil
}

// FlagsKey is where the document of a version stands; empty: nowhere.
func (r Router) FlagsKey(version string) string {
	if r.flags == "" {
		return ""
	}
	return r.flags + version
}

func (r Router) flagWrites(snap store.Snapshot, docs []FlagDoc) ([]write, error) {
	var writes []write
	seen := map[string]bool{}
	for _, d := range docs {
		if r.flags == "" && len(d.Flags) > 0 {
			return nil, fmt.Errorf("plan flags of %s: its bundle has flags and the runbook has no routing.flags; name the prefix its servers read", d.Version)
		}
		if r.flags == "" {
			continue
		}
		if !runbook.IsKeyPart(d.Version) {
			return nil, fmt.Errorf("plan flags: version %q cannot be part of a key; use letters, digits, dot, dash and underscore", d.Version)
		}
		if seen[d.Version] {
			return nil, fmt.Errorf("plan flags: version %q is there twice", d.Version)
		}
		seen[d.Version] = true
		w, err := d.write(snap, r.flags+d.Version)
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	return writes, nil
}

func (d FlagDoc) write(snap store.Snapshot, key string) (write, error) {
	old, ok := snap.Get(key)
	w := write{key: key, from: string(old.Value), index: old.Index}
	o, err := parseObject(old.Value)
	switch {
	case !ok || err != nil:
		// A text that nobody can read is replaced: it must not stop a rollback.
		o = object{text: []byte("{}")}
	case newer(o):
		return write{}, newerError(key)
	}
	want, err := d.fields(o)
	if err != nil {
		return write{}, fmt.Errorf("plan %s: %w", key, err)
	}
	w.to = string(o.edit(want))
	return w, nil
}

// fields are the document's fields as they are to be in o.
func (d FlagDoc) fields(o object) ([]named, error) {
	flags := d.Flags
	if flags == nil {
		flags = map[string]any{}
	}
	pairs := []any{"schema", runbook.Schema, "bundle", d.Bundle, "flags", flags, "serving", d.Serving}
	if _, had := o.get("quarantined"); had || d.Quarantined {
		pairs = append(pairs, "quarantined", d.Quarantined)
	}
	return values(pairs...)
}
