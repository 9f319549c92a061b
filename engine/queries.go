package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/view"
)

// Status reads the installation.
func (e *Engine) Status(ctx context.Context) (view.Status, error) {
	snap, err := e.store.Read(ctx, standing()...)
	if err != nil {
		return view.Status{}, later(err)
	}
	st := view.Status{Control: record.Control{Mode: runbook.Active}, Replica: e.journal.Anchor().Replica,
		Anchors: under[record.Anchor](snap, store.AnchorKey(""))}
	if en, ok := snap.Get(store.ControlKey); ok {
		st.Control = control(en.Value)
	}
	if err := decode(snap, store.BudgetKey, &st.Budget); err != nil {
		return st, err
	}
	st.Releases = ofRegion(e, under[record.Release](snap, releases), func(r record.Release) string { return r.Region })
	st.Incidents = ofRegion(e, under[record.Incident](snap, store.IncidentKey("")), func(i record.Incident) string { return i.Region })
	st.Behind = e.allBehind(snap)
	st.Shadow = under[record.ShadowVerdict](snap, store.ShadowKey(""))
	st.Rules = e.rulesChecks()
	st.Alerts = e.trail.newest(50, time.Now().UTC())
	st.Mirrors = ofRegion(e, under[record.Mirror](snap, mirrorKeys), func(m record.Mirror) string { return m.Region })
	for _, w := range under[record.WaitingOrder](snap, waiting) {
		if w.In(time.Now()) && (e.opts.Region == "" || w.Region == "" || w.Region == e.opts.Region) {
			st.Waiting = append(st.Waiting, w)
		}
	}
	st.Quarantine = under[record.Quarantine](snap, store.QuarantineKey(""))
	for _, a := range under[record.Approval](snap, store.ApprovalKey("")) {
		if a.Status == record.Pending && (e.opts.Region == "" || a.Region == e.opts.Region) {
			st.Approvals = append(st.Approvals, a)
		}
	}
	sort.Slice(st.Incidents, func(i, j int) bool { return st.Incidents[i].OpenedAt.After(st.Incidents[j].OpenedAt) })
	st.Incidents = st.Incidents[:min(len(st.Incidents), 100)]
	for n := range st.Incidents {
		st.Incidents[n].Impact = e.ImpactOf(st.Incidents[n])
	}
	return st, nil
}

// standing are the prefixes of what [Engine.Status] tells. The order log is long, and has a
// question of its own.
func standing() []string {
	return []string{store.ControlKey, store.BudgetKey, releases, store.IncidentKey(""), store.ShadowKey(""), mirrorKeys,
		store.QuarantineKey(""), store.ApprovalKey(""), waiting, store.AnchorKey(""), store.InstallationKey, behinds}
}

// ofRegion leaves out what is of another region than the engine's only one.
func ofRegion[T any](e *Engine, all []T, region func(T) string) []T {
	return slices.DeleteFunc(all, func(one T) bool { return e.opts.Region != "" && region(one) != e.opts.Region })
}

// under decodes every record below a prefix; one that cannot be read is left out here
// and refused where it matters.
func under[T any](snap store.Snapshot, prefix string) []T {
	var all []T
	for _, en := range snap.Under(prefix) {
		var one T
		if json.Unmarshal(en.Value, &one) == nil {
			all = append(all, one)
		}
	}
	return all
}

// Release returns the newest release of a service in a region.
func (e *Engine) Release(ctx context.Context, service, region string) (record.Release, error) {
	t := e.targetIn(service, region)
	return one[record.Release](ctx, e.store, store.ReleaseKey(t.Service, t.Region), "release of "+t.Service+" in "+t.Region)
}

// Incident returns the incident of that id, with its impact as it is now.
func (e *Engine) Incident(ctx context.Context, id string) (record.Incident, error) {
	i, err := one[record.Incident](ctx, e.store, store.IncidentKey(id), "incident "+id)
	if err == nil {
		i.Impact = e.ImpactOf(i)
	}
	return i, err
}

// Approval returns the approval of that id.
func (e *Engine) Approval(ctx context.Context, id string) (record.Approval, error) {
	return one[record.Approval](ctx, e.store, store.ApprovalKey(id), "approval "+id)
}

// one reads the record of one key.
func one[T any](ctx context.Context, st store.Store, key, what string) (none T, err error) {
	snap, err := st.Read(ctx, key)
	if err != nil {
		return none, later(err)
	}
	v, err := entry[T](snap, key)
	switch {
	case err != nil:
		return none, err
	case v == nil:
		return none, fmt.Errorf("%s: %w", what, runbook.ErrNotFound)
	}
	return *v, nil
}
