package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/view"
)

// Why says why a service was rolled back or not: with a trigger's name, what concerns that
// trigger. Where name is an incident's, what it was decided on is computed again as well.
// It changes nothing.
func (e *Engine) Why(ctx context.Context, name, trigger string) (view.Why, error) {
	inc, err := e.Incident(ctx, name)
	if err == nil {
		w, err := e.whyService(ctx, inc.Service, "")
		if errors.Is(err, runbook.ErrNotFound) { // its runbook is gone; the incident still says much
			w, err = view.Why{Service: inc.Service, At: time.Now().UTC(), Replica: e.opts.Replica}, nil
		}
		w.Incident, w.Rechecks = &inc, []view.Recheck{e.recheck(inc), policy.Again(inc.Inputs, inc.Decision)}
		return w, err
	}
	if !errors.Is(err, runbook.ErrNotFound) {
		return view.Why{}, err
	}
	return e.whyService(ctx, name, trigger)
}

func (e *Engine) whyService(ctx context.Context, name, trigger string) (view.Why, error) {
	s, ok := e.service(name)
	if !ok {
		return view.Why{}, fmt.Errorf("service or incident %s: %w (%s)", name, runbook.ErrNotFound, e.served())
	}
	if _, known := s.rb.Trigger(trigger); trigger != "" && trigger != blind && !known {
		var names []string
		for _, t := range s.rb.Triggers {
			names = append(names, t.Name)
		}
		return view.Why{}, fmt.Errorf("trigger %s of %s: %w (it has %s)", trigger, name, runbook.ErrNotFound, strings.Join(names, ", "))
	}
	now := time.Now().UTC()
	w := view.Why{Service: name, Trigger: trigger, At: now, Replica: e.opts.Replica,
		Mode: s.rb.Policy.Mode, Rules: e.check(name)}
	snap, err := e.store.Read(ctx, store.ControlKey, store.ReleaseKey(name, ""), store.IncidentKey(""))
	if err != nil {
		return w, later(err)
	}
	w.Control.Mode = runbook.Active
	if en, ok := snap.Get(store.ControlKey); ok {
		w.Control = control(en.Value)
	}
	w.Releases = under[record.Release](snap, store.ReleaseKey(name, ""))
	for _, i := range under[record.Incident](snap, store.IncidentKey("")) {
		if i.Service == name && (trigger == "" || slices.Contains(i.Triggers, trigger)) {
			i.Alerts, i.Answers, i.Timeline, i.Inputs, i.Breach.Queries = nil, nil, nil, nil, nil
			w.Incidents = append(w.Incidents, i)
		}
	}
	slices.SortFunc(w.Incidents, func(a, b record.Incident) int { return b.OpenedAt.Compare(a.OpenedAt) })
	w.Alerts, w.Since = e.trail.of(name, now)
	if trigger != "" {
		w.Alerts = slices.DeleteFunc(w.Alerts, func(r record.AlertResult) bool {
			return r.Trigger != trigger && !slices.Contains(r.Dead, trigger)
		})
	}
	w.Triggers = e.triggersNow(ctx, s, w.Releases, trigger)
	return w, nil
}

// triggersNow asks how the triggers stand, for each open release or, where none is, of the
// service.
func (e *Engine) triggersNow(ctx context.Context, s service, releases []record.Release, only string) []view.TriggerNow {
	releases = slices.DeleteFunc(slices.Clone(releases), func(r record.Release) bool { return r.Phase != record.Open })
	if len(releases) == 0 {
		releases = []record.Release{{}}
	}
	var (
		g   errgroup.Group
		mu  sync.Mutex
		all []view.TriggerNow
	)
	g.SetLimit(atOnce)
	for _, rel := range releases {
		for _, t := range s.rb.Triggers {
			if only != "" && only != blind && only != t.Name {
				continue
			}
			g.Go(func() error {
				now := e.triggerNow(ctx, s, rel, t)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, now)
				return nil
			})
		}
	}
	_ = g.Wait() // what was not answered says so
	order := func(t view.TriggerNow) int {
		return slices.IndexFunc(s.rb.Triggers, func(x runbook.Trigger) bool { return x.Name == t.Trigger })
	}
	slices.SortFunc(all, func(a, b view.TriggerNow) int {
		if a.Region != b.Region {
			return strings.Compare(a.Region, b.Region)
		}
		return order(a) - order(b)
	})
	return all
}

func (e *Engine) triggerNow(ctx context.Context, s service, rel record.Release, t runbook.Trigger) view.TriggerNow {
	now := view.TriggerNow{Trigger: t.Name, Region: rel.Region, Compares: t.Comparative()}
	now.Arms, now.Unarmed = e.fresh(s.rb.Service).Armed(t.Name)
	if rel.ID == "" {
		return now
	}
	b := e.answer(ctx, s, Target{rel.Service, rel.Region}, t.Name, t, rel)
	now.State, now.Significance, now.Problem = b.State, b.Significance, b.Problem
	_, now.Limit = t.Reading(0)
	if b.State == record.Breaching || b.State == record.NotBreaching || b.Unjudged() {
		now.Effect, _ = t.Reading(b.Value)
	}
	return now
}

// recheck computes the significance of an incident's breach again from the counts in its
// evidence, where this replica has them.
func (e *Engine) recheck(inc record.Incident) view.Recheck {
	r := view.Recheck{What: "significance"}
	if inc.Breach.Significance.At.IsZero() {
		r.Text = "The decision rested on no significance."
		return r
	}
	counts, err := e.archive.Read(inc, monitor.RecordName)
	switch {
	case errors.Is(err, fs.ErrNotExist) && inc.Evidence == "":
		r.Text = "Significance cannot be recomputed yet: its counts are kept when the incident ends."
	case errors.Is(err, fs.ErrNotExist):
		r.Text = "Significance cannot be recomputed here: its counts are in " + inc.Evidence + "."
	case err != nil:
		r.Known, r.Text = true, err.Error() // altered evidence does not agree
	default:
		if r, err = monitor.Recheck(bytes.NewReader(counts), inc.Breach); err != nil {
			r.Known, r.Text = true, err.Error()
		}
	}
	return r
}
