package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// ReferenceOf does what [NewReference] does, for every trigger whose alert demands
// evidence: errors and their increase, latency, a KPI, missing values, schema
// mismatches, a shifted distribution, any pair of counters, a starved candidate. A
// native histogram, a ceiling and an index of population stability have no reference.
func ReferenceOf(rb *runbook.Runbook, trigger string) (*Reference, error) {
	b, err := open(rb)
	if err != nil {
		return nil, fmt.Errorf("reference of %s: %w", rb.Service, err)
	}
	t, ok := b.Trigger(trigger)
	switch {
	case !ok:
		return nil, fmt.Errorf("reference of %s: no trigger %q", rb.Service, trigger)
	case !t.Proved() || t.PSI > 0 || t.Type == runbook.LatencyQuantile && t.Ceiling > 0:
		return nil, fmt.Errorf("reference of %s: %s of this kind has no reference", rb.Service, t.Type)
	}
	return b.reference(t)
}

// leastPhi is the dispersion that is assumed at least.
func (s signal) leastPhi() float64 {
	switch {
	case s.name == trafficSignal:
		return phiTraffic
	case s.family.name == shiftFamily().name:
		return phiShift
	}
	return 1
}

// otherGuard is that of the families whose evidence has none: parts look at the effect
// without any one pod, and the traffic that a candidate does not get is no pod's doing.
func (r *Reference) otherGuard() bool { return r.signal.parts == nil || r.partGuarded() }

// Skip takes an interval in which the daemon named no release: nothing of it is
// recorded, and no alert fires, but all windows move on.
func (r *Reference) Skip(counts []PodCount) {
	r.n++
	for _, p := range r.pods {
		for _, t := range []*trail{&p.all, &p.bad, &p.surplus, &p.judged, &p.apart} {
			t.add(0)
		}
		for i := range p.meanInfluence {
			p.meanInfluence[i].add(0)
		}
		for i := range p.parts {
			p.parts[i].all.add(0)
			p.parts[i].bad.add(0)
		}
	}
	for i := range r.ratios {
		r.ratios[i].add(0)
	}
	for i := range r.mixed {
		r.mixed[i].skip()
	}
	r.means.skip()
	r.due.add(0)
	r.chance.add(0)
	r.phiNum.add(0)
	r.phiDen.add(0)
	r.keep(counts)
	r.limit = nan()
}

// Weigh says which share of the requests the candidate should get in the intervals
// that come, and whether the weight has stood still long enough to hold it to that.
// Only canary_starved asks.
func (r *Reference) Weigh(share float64, steady bool) {
	if r.wanted = share; !steady || !(share > 0) {
		r.wanted = nan()
	}
}

// judgeTraffic holds what the candidate got against what it should have got.
func (r *Reference) judgeTraffic() {
	var got [2]float64
	for _, p := range r.pods {
		got[sideIndex(p.role)] += p.nowAll
	}
	known := r.wanted > 0
	r.tells(known)
	for i, theta := range r.signal.family.thetas {
		if known {
			r.ratios[i].add(r.signal.family.drift(theta, r.wanted, got[0], got[0]+got[1]))
		} else {
			r.ratios[i].add(0)
		}
	}
	if !known {
		r.due.add(0)
		for _, p := range r.pods { // what is not held against the weight is no part of the effect
			p.all[len(p.all)-1] -= p.nowAll
		}
		return
	}
	r.due.add(r.wanted * (got[0] + got[1]))
}

// ReleaseBar is the evidence over the whole release at which the trigger is proved.
func (r *Reference) ReleaseBar() float64 { return r.release }
