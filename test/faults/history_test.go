package faults

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/faults/consul"
)

// A state is what stood in the store after a commit, decoded.
type state struct {
	releases  map[string]*record.Release // by service
	incidents map[string]*record.Incident
	approvals map[string]*record.Approval
	barred    map[string]*record.Quarantine
	outbox    map[string]*record.Message
	splits    map[string]record.Split // by service; nil: it cannot be read
	flags     map[string]bool         // by key: whether the bundle serves
	behind    map[string]bool         // by service: whether the store is known to have lost something
	control   record.Control
	budget    int // automatic rollbacks that it knows
}

func (s state) clone() state {
	s.releases, s.incidents, s.approvals = maps.Clone(s.releases), maps.Clone(s.incidents), maps.Clone(s.approvals)
	s.behind = maps.Clone(s.behind)
	s.barred, s.outbox, s.splits, s.flags = maps.Clone(s.barred), maps.Clone(s.outbox), maps.Clone(s.splits), maps.Clone(s.flags)
	return s
}

// A step is one commit with what stood there before and after it.
type step struct {
	consul.Commit
	at            time.Duration
	before, after state
}

// ours reports whether a replica made it.
func (s step) ours() bool { return s.Writer != human && s.Writer != "" }

// steps decodes the whole history.
func (r *run) steps() []step {
	now := state{map[string]*record.Release{}, map[string]*record.Incident{}, map[string]*record.Approval{}, map[string]*record.Quarantine{},
		map[string]*record.Message{}, map[string]record.Split{}, map[string]bool{}, map[string]bool{}, record.Control{Mode: runbook.Active}, 0}
	var all []step
	for _, c := range r.kv.History() {
		s := step{Commit: c, at: c.At.Sub(r.began), before: now}
		now = now.clone()
		for key := range c.Before {
			if _, there := c.After[key]; !there {
				r.take(&now, key, nil)
			}
		}
		for key, p := range c.After {
			r.take(&now, key, p.Value)
		}
		s.after = now
		all = append(all, s)
	}
	return all
}

// take puts one value into the state; nil deletes it.
func (r *run) take(s *state, key string, value []byte) {
	service, name := "", key[strings.LastIndex(key, "/")+1:]
	if parts := strings.Split(key, "/"); len(parts) > 3 {
		service = parts[3]
	}
	switch {
	case key == store.ControlKey:
		s.control = control(value)
	case key == store.BudgetKey:
		var b record.Budget
		_ = json.Unmarshal(value, &b)
		s.budget = len(b.Recent)
	case strings.HasPrefix(key, store.Root+"release/"):
		put(r, s.releases, service, value)
	case strings.HasPrefix(key, store.Root+"behind/"):
		s.behind[service] = value != nil
	case strings.HasPrefix(key, store.IncidentKey("")):
		put(r, s.incidents, name, value)
	case strings.HasPrefix(key, store.ApprovalKey("")):
		put(r, s.approvals, name, value)
	case strings.HasPrefix(key, store.QuarantineKey("")):
		put(r, s.barred, name, value)
	case strings.HasPrefix(key, store.OutboxKey("")):
		put(r, s.outbox, name, value)
	case strings.HasPrefix(key, "routes/"):
		s.splits[strings.Split(key, "/")[1]] = r.split(key, value)
	case strings.HasPrefix(key, "features/"):
		var doc struct{ Serving bool }
		_ = json.Unmarshal(value, &doc)
		s.flags[key] = doc.Serving
	}
}

func put[T any](r *run, into map[string]*T, name string, value []byte) {
	if value == nil {
		delete(into, name)
		return
	}
	one := new(T)
	if err := json.Unmarshal(value, one); err != nil {
		r.breaks("I2", "%s cannot be read: %v", name, err)
	}
	into[name] = one
}

// control is how a stop switch is to be read: what nobody understands is a stop.
func control(value []byte) record.Control {
	c, err := record.ParseControl(value)
	if err != nil {
		c.Mode = runbook.Paused
	}
	return c
}

func (r *run) split(key string, value []byte) record.Split {
	for _, rb := range r.runbooks {
		if rb.Routing.Key == key {
			router, err := actuators.For(rb.In(rb.Regions[0]).Routing)
			r.must(err)
			split, err := router.Decode(store.Snapshot{Entries: []store.Entry{{Key: key, Value: value, Index: 1}}})
			if err == nil {
				return split
			}
		}
	}
	return nil
}

// A turn is what a step did to one service.
type turn struct {
	step
	service                    string
	was, is                    *record.Release
	incident                   *record.Incident // as it is
	moved                      bool             // the split
	launched, rolled, promoted bool
	automatic                  bool
}

// turns are the services whose release or split a step changed.
func (s step) turns() []turn {
	var all []turn
	for _, name := range services {
		t := turn{step: s, service: name, was: s.before.releases[name], is: s.after.releases[name]}
		t.moved = !s.before.splits[name].Equal(s.after.splits[name])
		if t.is == nil || t.was == t.is && !t.moved {
			if !t.moved || !s.ours() {
				continue
			}
		}
		t.launched = t.is != nil && (t.was == nil || t.was.ID != t.is.ID)
		t.rolled = !t.launched && t.was != nil && t.was.Phase == record.Open && t.is.Phase == record.RolledBack
		t.promoted = !t.launched && !t.rolled && t.moved && s.ours()
		if t.is != nil {
			t.incident = s.after.incidents[t.is.Incident]
		}
		switch {
		case t.rolled && t.incident != nil:
			t.automatic = t.incident.By == ""
		case t.promoted && t.is != nil && len(t.is.Moves) > 0:
			t.automatic = t.is.Moves[len(t.is.Moves)-1].By == ""
		}
		all = append(all, t)
	}
	return all
}

func (s step) String() string {
	var keys []string
	for _, op := range s.Ops {
		if op.Verb == api.KVCheckIndex || op.Verb == api.KVCheckNotExists || strings.HasPrefix(op.Key, store.Root+"op/") {
			continue
		}
		keys = append(keys, strings.TrimPrefix(op.Key, store.Root))
	}
	return fmt.Sprintf("%s commits %d: %s", s.Writer, s.Index, strings.Join(keys, ", "))
}

func (t turn) String() string {
	text := fmt.Sprintf("%s, %v becomes %v", t.step, t.before.splits[t.service], t.after.splits[t.service])
	if t.is != nil {
		text += fmt.Sprintf(", release %s at %v %%, epoch %d", t.is.Phase, t.is.Weight, t.is.Epoch)
	}
	return text
}

// story is the run as a person reads it: what was planned, done, committed and told.
func (r *run) story() string {
	all := slices.Clone(r.trace)
	for _, s := range r.steps() {
		text := s.String()
		for _, t := range s.turns() {
			text += fmt.Sprintf("; %s: %v → %v", t.service, t.before.splits[t.service], t.after.splits[t.service])
		}
		for id, i := range s.after.incidents {
			if old := s.before.incidents[id]; old == nil || old.Phase != i.Phase {
				text += fmt.Sprintf("; incident of %s %s (%s %s)", i.Service, i.Phase, i.Decision.Action, i.Decision.Guard)
			}
		}
		if s.Writer == human || len(s.turns()) > 0 || strings.Contains(text, "; ") {
			all = append(all, entry{s.at, text})
		}
	}
	for _, f := range r.plan.Faults {
		if !slices.Contains(peopleKinds, f.Kind) {
			all = append(all, entry{f.At, "FAULT " + f.String()[9:]})
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return int(a.at - b.at) })
	var b strings.Builder
	for _, e := range all {
		fmt.Fprintf(&b, "%9.4fs  %s\n", e.at.Seconds(), e.text)
	}
	return b.String()
}
