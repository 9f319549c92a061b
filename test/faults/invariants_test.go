package faults

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

// breaks notes that an invariant did not hold.
func (r *run) breaks(invariant, format string, args ...any) {
	r.broken = append(r.broken, breakage{invariant, fmt.Sprintf(format, args...)})
}

// check holds the whole history to the invariants.
func (r *run) check() {
	steps := r.steps()
	var acts []act
	lost := map[string]*record.Release{} // by service: what a restored snapshot does not have, until people are in line again
	for _, s := range steps {
		if s.Erased {
			acts = erase(acts, s)
			for name, was := range s.before.releases {
				if was.After(s.after.releases[name]) && (lost[name] == nil || was.After(lost[name])) {
					lost[name] = was
				}
			}
			continue
		}
		r.checkIncidents(s)
		if !s.ours() {
			continue
		}
		r.checkVerbs(s)
		r.checkApprovals(s)
		for _, t := range s.turns() {
			r.checkWeights(t)
			r.checkDecided(t)
			r.checkMayAct(t)
			r.checkFlags(t)
			r.checkBack(t, lost)
			if t.rolled && t.automatic {
				r.checkSpent(t, acts)
				acts = append(acts, act{t.service, t.is.Incident, t.Writer, t.incident.ActedAt.Sub(r.began), false})
			}
		}
	}
	r.checkEnd(steps)
	r.checkMessages(steps)
	r.checkJournal(steps)
	r.checkSpeed(steps)
}

// checkVerbs is I4: whatever a replica overwrites, it writes by check-and-set.
func (r *run) checkVerbs(s step) {
	for _, op := range s.Ops {
		if op.Verb == api.KVSet || op.Verb == api.KVDelete {
			r.breaks("I4", "%s writes %s without a check", s, op.Key)
		}
	}
}

// checkWeights is I2.
func (r *run) checkWeights(t turn) {
	if !t.moved {
		return
	}
	split := t.after.splits[t.service]
	for backend, w := range split {
		if w < 0 || backend != t.service+"-v1" && backend != t.service+"-v2" {
			r.breaks("I2", "%s", t)
		}
	}
	if split.Sum() != 100 {
		r.breaks("I2", "%s", t)
	}
}

// checkDecided is I4 and I5: a write replaced the very split that was decided on, and never one
// that somebody else wrote, but for a recovery: its yes was about that very change.
func (r *run) checkDecided(t turn) {
	before := t.before.splits[t.service]
	recovered := t.before.behind[t.service] && !t.after.behind[t.service]
	switch {
	case t.launched && !before.Equal(record.Split{t.is.Stable.Backend: 100}):
		r.breaks("I5", "a launch overwrote %v: %s", before, t)
	case t.moved && t.was == t.is:
		r.breaks("I4", "the split moved without its release: %s", t)
	case (t.rolled || t.promoted) && !recovered && !before.Equal(t.was.Want()):
		r.breaks("I5", "%v was written by somebody else, the release wanted %v: %s", before, t.was.Want(), t)
	case t.rolled && (t.incident == nil || t.incident.Change == nil || !t.incident.Change.From.Equal(before)):
		r.breaks("I4", "decided on another split: %s", t)
	case t.rolled && !t.after.splits[t.service].Equal(t.is.Want()):
		r.breaks("I4", "the record says that it is rolled back, the router is told %v: %s", t.after.splits[t.service], t)
	}
}

// checkMayAct is I6 and I9: no automatic write after a pause, or with a quarantined side.
func (r *run) checkMayAct(t turn) {
	if !t.launched && !t.rolled && !t.promoted || t.is == nil {
		return
	}
	bars := func(s record.Side) bool {
		q := t.before.barred[s.Bundle]
		return q != nil && q.Bars()
	}
	switch {
	case t.automatic && t.before.control.Mode != runbook.Active:
		r.breaks("I9", "control is %s: %s", t.before.control.Mode, t)
	case (t.automatic || t.launched) && bars(t.is.Stable):
		r.breaks("I6", "the stable bundle is quarantined: %s", t)
	case (t.launched || t.promoted) && bars(t.is.Candidate):
		r.breaks("I6", "the candidate is quarantined: %s", t)
	}
	if t.rolled && t.automatic && t.incident != nil {
		asked := t.incident.Breach.AskedAt.Sub(r.began)
		who := int(t.Writer[len(t.Writer)-1] - '0')
		if f, blind := r.plan.now(asked, who, blindness...); blind && f.Kind != promSlow && f.At < asked-time.Second && asked < f.At+f.For-3*time.Second {
			r.breaks("I11", "acted on what it could not see (%s): %s", f, t)
		}
	}
	if t.rolled && t.before.barred[t.is.Candidate.Bundle] == t.after.barred[t.is.Candidate.Bundle] {
		r.breaks("I6", "rolled back, and not quarantined in the same transaction: %s", t)
	}
}

// checkBack is I5 after a restored snapshot: whoever has seen what is lost writes nothing
// automatically before people have brought it in line.
func (r *run) checkBack(t turn, lost map[string]*record.Release) {
	was := lost[t.service]
	switch {
	case was == nil || t.is == nil:
	case t.before.behind[t.service] && !t.after.behind[t.service], t.is.Epoch > was.Epoch && !t.automatic:
		delete(lost, t.service)
	case t.moved && t.automatic && t.before.behind[t.service]:
		r.breaks("I5", "the store has lost epoch %d, and that was known: %s", was.Epoch, t)
	}
}

// checkFlags is I12: flags change in the transaction that moves the traffic.
func (r *run) checkFlags(t turn) {
	if !t.launched && !t.rolled && !t.promoted || t.is == nil {
		return
	}
	key := "features/" + t.service + "/" + t.is.Candidate.Version
	serves, there := t.after.flags[key]
	if want := t.is.Weight > 0; !there || serves != want {
		r.breaks("I12", "the candidate has %v %%, and its flags serve: %v: %s", t.is.Weight, serves, t)
	}
}

// An act is an automatic rollback.
type act struct {
	service, incident, writer string
	at                        time.Duration
	erased                    bool // by a snapshot that was restored
}

// erase marks the acts that a restored store does not have. Whoever had not read of them yet may
// act once more; whoever did them must know better.
func erase(acts []act, s step) []act {
	for n, a := range acts {
		i := s.after.incidents[a.incident]
		acts[n].erased = a.erased || i == nil || i.ActedAt.IsZero()
	}
	return acts
}

// checkSpent is I3.
func (r *run) checkSpent(t turn, before []act) {
	rb := r.runbooks[slices.Index(services, t.service)]
	at, own, all := t.incident.ActedAt.Sub(r.began), 0, 0
	for _, a := range before {
		if a.erased && (a.incident != t.is.Incident || a.writer != t.Writer) {
			continue
		}
		all++
		if a.service == t.service {
			own++
		}
		switch {
		case a.incident == t.is.Incident:
			r.breaks("I3", "incident %s is rolled back again: %s", a.incident, t)
		case a.service == t.service && at-a.at < rb.Policy.Cooldown.Std():
			r.breaks("I3", "%s after the rollback before: %s", at-a.at, t)
		}
	}
	switch {
	case own >= rb.Policy.MaxRollbacks:
		r.breaks("I3", "%d automatic rollbacks of %s: %s", own+1, t.service, t)
	case all >= record.BudgetPerHour:
		r.breaks("I3", "%d automatic rollbacks within minutes: %s", all+1, t)
	case t.after.budget != t.before.budget+1:
		r.breaks("I3", "the budget went from %d to %d: %s", t.before.budget, t.after.budget, t)
	}
}

// checkApprovals is I8.
func (r *run) checkApprovals(s step) {
	for id, a := range s.after.approvals {
		old := s.before.approvals[id]
		if old == nil || old.Status == a.Status {
			continue
		}
		if old.Status != record.Pending {
			r.breaks("I8", "approval %s was %s and is %s: %s", id, old.Status, a.Status, s)
		}
		if a.Status == record.Approved && (s.At.After(a.ExpiresAt.Add(actWithin)) || a.DecidedAt.After(a.ExpiresAt) || a.By != "ann") {
			r.breaks("I8", "approval %s of %q counts %s after its end: %s", id, a.By, s.At.Sub(a.ExpiresAt), s)
		}
	}
	for _, t := range s.turns() {
		if !t.rolled || t.automatic {
			continue
		}
		used := t.incident.Approval != "" && s.after.approvals[t.incident.Approval].Status == record.Approved && s.before.approvals[t.incident.Approval].Status == record.Pending
		asked := slices.ContainsFunc(t.incident.Timeline, func(l record.Record) bool { return l.Kind == "demanded" && l.Op == t.is.Op })
		if !used && !asked {
			r.breaks("I8", "rolled back in %s's name, and no approval was used up: %s", t.incident.By, t)
		}
	}
}

// actWithin is how long a commit may be under way that was decided in time.
const actWithin = time.Minute

// checkIncidents is I10's edges and I11.
func (r *run) checkIncidents(s step) {
	for id, i := range s.after.incidents {
		old := s.before.incidents[id]
		if old == i {
			continue
		}
		back := s.before.behind[i.Service] && !s.after.behind[i.Service] // a recovery takes up what is lost where it was
		if bad := fixture.Illegal(r.edges, old, i); bad != "" && !back {
			r.breaks("I10", "%s: %s", bad, s)
		}
		if old != nil && !old.ActedAt.IsZero() && (!old.ActedAt.Equal(i.ActedAt) || !old.Deadline.Equal(i.Deadline)) {
			r.breaks("I11", "the verification of %s was to end at %s and now ends at %s: %s", id, old.Deadline.Format(time.TimeOnly), i.Deadline.Format(time.TimeOnly), s)
		}
		if i.Verdict != nil && i.Verdict.Outcome == record.Recovered && (old == nil || old.Verdict == nil) {
			r.checkRecovered(s, *i)
		}
	}
}

// checkRecovered is I11: whoever says that users recovered saw so for three polls.
func (r *run) checkRecovered(s step, i record.Incident) {
	v := r.runbooks[slices.Index(services, i.Service)].Verification
	at := i.Verdict.At.Sub(r.began)
	least := time.Duration(v.Polls-1) * v.Every.Std() * 8 / 10
	if i.DrainedAt.IsZero() || i.Verdict.At.Sub(i.DrainedAt) < least {
		r.breaks("I11", "recovered %s after its traffic was gone: %s", i.Verdict.At.Sub(i.DrainedAt), s)
	}
	seen, bad, n := false, 0.0, 0.0
	for _, one := range r.world.samples[i.Service] {
		if one.at < at-12*time.Second || one.at > at-2*time.Second {
			continue
		}
		n++
		if one.outage {
			bad += 0.2
		}
		if one.bad {
			bad += one.share * 0.3
		}
		for who := range replicas {
			_, blind := r.plan.now(one.at, who, blindness...)
			_, frozen := r.plan.now(one.at, who, freeze)
			seen = seen || !blind && !frozen
		}
	}
	if !seen {
		r.breaks("I11", "recovered, and nobody could see it: %s", s)
	}
	if bad/n > 0.08 {
		r.breaks("I11", "recovered, while %.0f %% of the requests failed: %s", 100*bad/n, s)
	}
}

// checkEnd is I10: what was not finished is finished once the faults are over.
func (r *run) checkEnd(steps []step) {
	end := steps[len(steps)-1].after
	for id, i := range end.incidents {
		if underWay(i.Phase) {
			r.breaks("I10", "incident %s is still %s when all has been calm for %s", id, i.Phase, calm)
		}
	}
	for name, rel := range end.releases {
		if len(rel.Pending) > 0 {
			r.breaks("I10", "release of %s still waits for %d writes", name, len(rel.Pending))
		}
	}
}

// checkMessages is I14.
func (r *run) checkMessages(steps []step) {
	told := func(s step, i *record.Incident, kind string) bool {
		for id, m := range s.after.outbox {
			if s.before.outbox[id] == nil && m.Incident == i.ID && m.Kind == kind {
				return true
			}
		}
		return false
	}
	doubles := 1 + r.mishaps(restores, crash, freeze, cut, lossy, lateTxn, noLeader)
	for _, s := range steps {
		for id, i := range s.after.incidents {
			old := s.before.incidents[id]
			switch {
			case old != nil && old.Phase == i.Phase:
			case i.Phase == record.Acted && !told(s, i, "acted"), i.Phase == record.Awaiting && !told(s, i, "approval"), i.Phase == record.Settled && !told(s, i, "verdict"):
				r.breaks("I14", "nobody is to be notified that %s is %s: %s", id, i.Phase, s)
			}
		}
		for id := range s.after.outbox {
			if s.before.outbox[id] != nil {
				continue
			}
			switch n := r.delivered[id]; {
			case n == 0 && r.mishaps(restores) > 0: // it may have been lost with the rest
			case n == 0:
				r.breaks("I14", "message %s reached nobody", id)
			case n-r.unheard[id] > doubles:
				r.breaks("I14", "message %s was sent %d times, %d of them without an answer; with so many faults %d may be", id, n, r.unheard[id], doubles)
			}
		}
	}
	if left := steps[len(steps)-1].after.outbox; len(left) > 0 {
		r.breaks("I14", "%d messages were never noted as sent", len(left))
	}
}

// mishaps counts faults of some kinds.
func (r *run) mishaps(kinds ...kind) (n int) {
	for _, f := range r.plan.Faults {
		if slices.Contains(kinds, f.Kind) {
			n++
		}
	}
	return n
}

// checkJournal is I15: what the journals say was done was done, once; and what was done they say,
// unless the process died or its answer was lost between the two.
func (r *run) checkJournal(steps []step) {
	done, said := map[string]bool{}, map[string]int{}
	for _, s := range steps {
		for _, t := range s.turns() {
			if t.is != nil && s.ours() {
				done[t.is.Op] = true
			}
		}
		for _, i := range s.after.incidents {
			for _, l := range i.Timeline {
				done[l.Op] = true
			}
		}
	}
	for _, l := range r.journal {
		if l.Kind != "acted" && l.Kind != "promoted" {
			continue
		}
		if said[l.Op]++; said[l.Op] > 1 {
			r.breaks("I15", "the journal says twice: %s", l.Text)
		}
		if !done[l.Op] {
			r.breaks("I15", "the journal says what was never committed: %s", l.Text)
		}
	}
	if r.mishaps(restores, crash, cut, lossy, lateTxn, noLeader, freeze) > 0 {
		return
	}
	for _, s := range steps {
		for _, t := range s.turns() {
			if t.rolled && said[t.is.Op] != 1 {
				r.breaks("I15", "no journal says: %s", t)
			}
		}
	}
}

// checkSpeed is I1: who is harmed by v2 gets v1 soon, or people know why not.
func (r *run) checkSpeed(steps []step) {
	bound := 30 * time.Second
	from := storm + 30*time.Second
	if r.plan.Single {
		from = 0
	}
	for _, name := range services {
		since := time.Duration(-1)
		for _, one := range r.world.samples[name] {
			_, everywhere := r.plan.now(one.at, -1, noLeader)
			if !everywhere {
				_, everywhere = r.plan.now(one.at-5*time.Second, -1, append([]kind{outage}, blindness...)...)
			}
			if !one.bad || one.share == 0 || one.at < from || everywhere {
				since = -1
				continue
			}
			if since < 0 {
				since = one.at
			}
			if one.at-since > bound && !r.excused(steps, name, one.at) {
				r.breaks("I1", "v2 of %s has harmed users since %s, and has still %.0f %% at %s", name, since.Round(time.Second), 100*one.share, one.at.Round(time.Second))
				break
			}
		}
	}
}

// excused reports whether people are asked or know why v2 keeps its traffic.
func (r *run) excused(steps []step, service string, at time.Duration) bool {
	n, _ := slices.BinarySearchFunc(steps, at, func(s step, at time.Duration) int { return int(s.at - at) })
	now := steps[max(0, n-1)].after
	rel := now.releases[service]
	if rel == nil || rel.Phase != record.Open || now.behind[service] || now.control.Mode != runbook.Active || r.world.trigger[service] == "slowish" {
		return true
	}
	i := now.incidents[rel.Incident]
	return i != nil && (i.Phase == record.Awaiting || i.Phase == record.HeldPhase || i.Phase == record.Frozen || !i.RejectedAt.IsZero())
}
