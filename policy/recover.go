package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// A Damage is everything that a recovery rests on, read at one moment.
type Damage struct {
	Behind      record.Behind   // what is known to be lost
	Release     *record.Release // as stored; nil: there is none
	Incident    *record.Incident
	Quarantined map[string]record.Quarantine
	Split       record.Split // the router's; nil: it has none
	Other       string       // see [OtherStore]
}

// A Repair is what brings a target in line.
type Repair struct {
	Release    *record.Release // as it is written, with Shift before the rollback; nil: the store's stays
	Quarantine []record.Quarantine
	Bundles    []runbook.Bundle // manifests that the release rests on, written where they are missing
	Shift      bool             // the candidate has traffic again, though it was rolled back: all goes to stable
	Lines      []view.RecoverLine
}

// Recover says how a target is brought in line with what is known of it. No share is ever raised:
// what was rolled back is rolled back again, and what was open stays where the router has it and is
// stopped, until a human resumes it. No epoch that is known is used twice.
func Recover(in Damage, by, reason string, now time.Time) Repair {
	var r Repair
	if in.Other != "" {
		r.add("installation", "this replica's", "another", "the store is taken for this replica's own")
	}
	known, stored := in.Behind.Release, in.Release
	switch {
	case known != nil && stored != nil && in.Other != "": // it may be somebody's who knows better
		own := stored.Clone()
		r.Release = &own
		r.add("release", known.ID+" "+standing(*known), stored.ID+" "+standing(*stored), "left as the store has it")
	case known != nil && (known.After(stored) || stopLost(*known, *stored)):
		r.Bundles = in.Behind.Bundles
		r.release(*known, stored, in.Split, &record.HumanStop{At: now, By: by, Reason: "recovered: " + reason})
	}
	if r.Release != nil {
		r.Release.Epoch = max(r.Release.Epoch, known.Epoch) + 1
		if known.Incident != "" && (in.Incident == nil || in.Incident.ID != known.Incident) {
			r.add("incident", known.Incident, "missing", "its evidence folder is left as it is, and its id is not used again")
		}
	}
	for _, q := range in.Behind.Quarantine {
		if _, there := in.Quarantined[q.Bundle]; !there {
			r.Quarantine = append(r.Quarantine, q)
			r.add("quarantine", q.Bundle+" by "+q.Incident, "missing", "in force again")
		}
	}
	if i := in.Incident; r.Release != nil && i != nil && i.Phase != record.Done {
		r.add("incident", "–", i.ID+" is "+string(i.Phase), "closed")
	}
	return r
}

func (r *Repair) add(what, known, store, then string) {
	r.Lines = append(r.Lines, view.RecoverLine{What: what, Known: known, Store: store, Then: then})
}

// release brings back a release that the store has lost, or an older record of.
func (r *Repair) release(known record.Release, stored *record.Release, split record.Split, stop *record.HumanStop) {
	own := known.Clone()
	own.Held, own.Pending, own.Applied, own.Asking, own.Waiting = nil, nil, nil, "", ""
	has := "none"
	if stored != nil {
		has = stored.ID + " " + standing(*stored)
	}
	share := split[own.Candidate.Backend]
	then := "as it was"
	switch {
	case known.Phase == record.RolledBack && share > 0:
		r.Shift, own.Phase = true, record.Open
		own.Weight, _ = shareOr(split, own)
		then = "rolled back again"
		r.add("split", own.Candidate.Backend+" 0", split.String(), "all traffic to "+own.Stable.Backend)
	case known.Phase == record.Open && len(r.Bundles) < 2 && (stored == nil || stored.ID != known.ID): // no rollback of it could be planned
		own.Phase, own.Weight, then = record.RolledBack, 0, "ended, since the manifests of its bundles are lost: start it again"
	case known.Phase == record.Open:
		own.Stopped = stop
		own.Weight, _ = shareOr(split, own)
		then = fmt.Sprintf("open at %v %%, and stopped until somebody resumes it", own.Weight)
		if !split.Equal(known.Want()) {
			r.add("split", known.Want().String(), split.String(), "left as it is")
		}
	case split != nil && !split.Equal(known.Want()):
		r.add("split", known.Want().String(), split.String(), "left as it is: set it by hand")
	}
	if own.Phase == record.Open {
		own.Incident = ""
	}
	r.Release = &own
	r.Lines = append([]view.RecoverLine{{What: "release", Known: known.ID + " " + standing(known), Store: has, Then: then}}, r.Lines...)
}

// shareOr is the candidate's part of a split, or what the release wants if the split is not one of
// its two sides.
func shareOr(split record.Split, r record.Release) (w runbook.Weight, ok bool) {
	if w, ok = share(split, r); ok {
		return w, true
	}
	return r.Weight, false
}

// PlanDigest is what a yes to a recovery is about: its lines and the change of the router's keys.
func (r Repair) PlanDigest(change string) string {
	text, err := json.Marshal(struct {
		Lines  []view.RecoverLine
		Shift  bool
		Change string
	}{r.Lines, r.Shift, change})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Restores are the bundles whose quarantine is written again beside that of a rollback.
func (r Repair) Restores() []record.Quarantine {
	return slices.DeleteFunc(slices.Clone(r.Quarantine), func(q record.Quarantine) bool {
		return r.Shift && q.Bundle == r.Release.Candidate.Bundle
	})
}
