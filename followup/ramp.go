package followup

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/plan"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// mostStay is the longest that a step is made to last for a proof. Where it takes longer, the next step
// proves the same harm sooner.
const mostStay = 6 * time.Hour

// A Ramp is the one for the next try, with what it would have shown of this incident's harm.
type Ramp struct {
	Rollout *runbook.Rollout // nil: none is drafted, see Problem
	Effect  string           // the incident's harm in words; empty: there is no planning formula for it
	Broke   runbook.Weight   // at which share the release broke
	Steps   []RampStep       // those below 100 %
	Problem string           // what is not known; empty: nothing
}

// A RampStep is one share with what is needed there to prove the incident's harm.
type RampStep struct {
	runbook.RampStep
	Was      runbook.Duration // how long the safer ramp has it without a look at the harm
	Proves   time.Duration    // 0: the harm is not proved at this share
	Requests float64          // of the candidate until then
}

// SaferRamp drafts the ramp for the next try: [runbook.Rollout.Safer], and each step as long as the
// planning formulas need to prove the incident's own harm there, whenever it begins.
func SaferRamp(rb *runbook.Runbook, inc record.Incident, traffic plan.Traffic) Ramp {
	r := Ramp{Broke: brokeAt(inc)}
	switch {
	case rb.Rollout == nil:
		r.Problem = "the runbook has no section rollout, so there is no ramp to make safer"
		return r
	case r.Broke == 0:
		r.Problem = "no traffic was moved, so nobody can say at which share it broke"
		return r
	}
	safer := rb.Rollout.Safer(r.Broke)
	r.Rollout = &safer
	proves := r.prover(rb, inc, traffic)
	for n, step := range safer.Steps {
		if step.Weight == runbook.All {
			break
		}
		one := RampStep{RampStep: step, Was: step.For}
		if need, ok := proves(step.Weight); ok {
			one.Proves, one.Requests = need, traffic.Rate*step.Weight.Share()*need.Seconds()
			if need <= mostStay {
				one.For = max(one.For, stay(rb, n, need))
			}
		}
		safer.Steps[n].For = one.For
		r.Steps = append(r.Steps, one)
	}
	return r
}

// prover says how long the incident's harm needs at a share; what keeps it from that is the problem.
func (r *Ramp) prover(rb *runbook.Runbook, inc record.Incident, traffic plan.Traffic) func(runbook.Weight) (time.Duration, bool) {
	never := func(runbook.Weight) (time.Duration, bool) { return 0, false }
	t, ok := rb.Trigger(inc.Breach.Trigger)
	effect, planned := plan.Effect(t, inc.Breach.Value)
	if !ok || !planned {
		r.Problem = "there is no planning formula for what was seen here, so the waits are those of the runbook, doubled"
		return never
	}
	r.Effect, _ = t.ReadingAgainst(inc.Stable.Version, inc.Breach.Value)
	p, err := plan.New(rb, traffic, plan.StepsOf(rb))
	if err != nil {
		r.Problem = err.Error()
		return never
	}
	return func(w runbook.Weight) (time.Duration, bool) { return p.Proves(t.Name, effect, w) }
}

// stay is how long a step must last for a proof: the first one begins with the warm-up. Whole minutes.
func stay(rb *runbook.Runbook, n int, need time.Duration) runbook.Duration {
	if n == 0 {
		need += rb.Metrics.Warmup.Std()
	}
	return runbook.Duration((need + time.Minute - 1).Truncate(time.Minute))
}

// brokeAt is the candidate's share when its traffic was taken away; 0: it was not.
func brokeAt(inc record.Incident) runbook.Weight {
	c := inc.Change
	if c == nil || inc.ActedAt.IsZero() || c.From.Sum() == 0 {
		return 0
	}
	return runbook.RoundWeight(float64(c.From[inc.Candidate.Backend]) / float64(c.From.Sum()) * 100)
}

// At is the traffic of a service as the incident's breach found it, where that is known.
func At(traffic plan.Traffic, b record.Breach) plan.Traffic {
	return traffic.But(plan.Traffic{Rate: b.CandidateRate + b.StableRate, CandidatePods: b.CandidatePods, StablePods: b.StablePods,
		Sources: map[string]string{"rate": fmt.Sprintf("the breach at %s", b.AskedAt.UTC().Format("15:04:05"))}})
}
