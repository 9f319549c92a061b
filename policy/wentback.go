package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A History is what is known of a target and what its store said when it was read later.
type History struct {
	Known        record.Known
	Installation record.Installation // that the store is of; without an id: it has none
	Release      *record.Release     // nil: the store has none
	Index        uint64              // of the release in the store
	Quarantined  map[string]record.Quarantine
}

// OtherStore says that a store is not the one that is known, so that nothing may be written there,
// a notice included; empty: it is, or nobody knows better.
func OtherStore(h History) string {
	now, was := h.Installation, h.Known.Installation
	if was == "" || now.ID == "" || was == now.ID || slices.Contains(now.Before, was) {
		return ""
	}
	return fmt.Sprintf("This is a different store: it belongs to installation %s, and this replica to %s.", now.ID, was)
}

// WentBack says, in sentences, what a store has lost of a target: it was restored from a backup or
// wiped, or somebody removed records. Empty: nothing that is known of.
func WentBack(h History) string {
	var why []string
	if h.Known.Installation != "" && h.Installation.ID == "" {
		why = append(why, fmt.Sprintf("The store is empty or new: it no longer knows installation %s.", h.Known.Installation))
	}
	if was := ReleaseLost(h); was != "" {
		why = append(why, was)
	}
	for _, q := range LostQuarantines(h) {
		why = append(why, fmt.Sprintf("The quarantine of bundle %s (incident %s) is missing.", q.Bundle, q.Incident))
	}
	return strings.Join(why, " ")
}

// LostQuarantines are those in force that the store does not have, by bundle.
func LostQuarantines(h History) []record.Quarantine {
	var lost []record.Quarantine
	for _, bundle := range slices.Sorted(maps.Keys(h.Known.Quarantined)) {
		if _, there := h.Quarantined[bundle]; !there && h.Known.Quarantined[bundle].Bars() {
			lost = append(lost, h.Known.Quarantined[bundle])
		}
	}
	return lost
}

// ReleaseLost says how a target's release went back in time; empty: it did not.
func ReleaseLost(h History) string {
	known, stored := h.Known.Release, h.Release
	switch {
	case known == nil:
		return ""
	case stored == nil:
		return fmt.Sprintf("Release %s (%s) is missing.", known.ID, standing(*known))
	case known.After(stored) && known.ID != stored.ID:
		return fmt.Sprintf("Release %s (%s) is missing: the store has %s (%s).", known.ID, standing(*known), stored.ID, standing(*stored))
	case known.After(stored):
		return fmt.Sprintf("Release %s is %s again, and was %s.", known.ID, standing(*stored), standing(*known))
	case h.Index < h.Known.Index && stopLost(*known, *stored):
		return fmt.Sprintf("Release %s was stopped or held; the store has an older record, in which it is not.", known.ID)
	}
	return ""
}

// stopLost: what keeps a ramp from its next step was there and is not.
func stopLost(known, stored record.Release) bool {
	if known.ID != stored.ID || known.Epoch != stored.Epoch || known.Phase != record.Open {
		return false
	}
	return known.Stopped != nil && stored.Stopped == nil || known.Frozen != "" && stored.Frozen == "" || known.Held != nil && stored.Held == nil
}

// standing is how far a release has come, e.g. "rolled_back, epoch 3" or "open at 20 %, epoch 1".
func standing(r record.Release) string {
	at := string(r.Phase)
	if r.Phase == record.Open {
		at += fmt.Sprintf(" at %v %%", r.Weight)
	}
	at += fmt.Sprintf(", epoch %d", r.Epoch)
	if r.Incident != "" {
		at += ", incident " + r.Incident
	}
	return at
}

// StopsLess reports whether a stop switch lets happen what another stops. One that nobody can read
// stops like paused.
func StopsLess(now, was record.Control) bool { return stops(now.Mode) < stops(was.Mode) }

func stops(m runbook.Mode) int {
	switch m {
	case runbook.Active:
		return 0
	case runbook.Observe:
		return 1
	}
	return 2
}

// HoldsBack says why nothing may be written for a target automatically; empty: it may. What a
// human rolled back since it was noticed takes its course: the candidate has no traffic.
func HoldsBack(b *record.Behind, other string, rel *record.Release) string {
	switch {
	case other != "":
		return other
	case b == nil, rel != nil && rel.Phase == record.RolledBack && rel.WeightChangedAt.After(b.Since):
		return ""
	}
	return b.Why
}

// RecoverFirst is why an order cannot be taken while a target is held back.
func RecoverFirst(why, service, region string) string {
	return fmt.Sprintf("the store went back in time. %s See what is missing: autorollback recover %s --region %s; "+
		"a rollback is possible meanwhile: autorollback rollback %s --region %s --reason WHY", why, service, region, service, region)
}

func wentBack(in Input, _ time.Time) *objection {
	if in.WentBack == "" {
		return nil
	}
	return holdAndPage("The store went back in time. "+in.WentBack+" Nothing is done automatically.",
		"see what is missing and bring it in line: autorollback recover "+target(in), byHand(in))
}
