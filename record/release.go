package record

import (
	"cmp"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A Proof is what was asked after the step that gave the candidate all traffic, or after
// a flip: the same questions as after a rollback. It is over when DoneAt is set.
type Proof struct {
	Epoch    int       `json:"epoch"` // of the step
	Since    time.Time `json:"since"`
	Deadline time.Time `json:"deadline"`
	PolledAt time.Time `json:"polled,omitzero"`  // the last poll
	Polls    int       `json:"polls"`            // good ones in a row
	Bads     int       `json:"bads"`             // in a row in which a pair, a stored prediction or a flag was bad
	Health   Health    `json:"health,omitempty"` // of the last poll; once it is over, what came of it
	Reason   string    `json:"reason,omitempty"`
	Answers  []Answer  `json:"answers,omitempty"` // of the last poll, without what Prometheus said word for word
	DoneAt   time.Time `json:"done_at,omitzero"`
}

// Proving reports whether the release's present step is still being proved.
func (r Release) Proving() bool {
	return r.Phase == Open && r.Proof != nil && r.Proof.Epoch == r.Epoch && r.Proof.DoneAt.IsZero()
}

// Readiness is what Prometheus answers to "is a rollback possible right now, and does
// anything speak against the next step?".
type Readiness struct {
	AskedAt         time.Time     `json:"asked_at"`
	StablePods      int           `json:"stable_pods"`       // fresh and ready
	CandidatePods   int           `json:"candidate_pods"`    // fresh and ready, whether or not they get traffic
	CandidateRate   float64       `json:"candidate_rate"`    // requests per second
	StableUnhealthy bool          `json:"stable_sick"`       // the stable side breaks an absolute limit
	Breaching       []string      `json:"breaching"`         // triggers that are true now
	Undecided       []string      `json:"undecided"`         // triggers that can decide at this weight and have no data
	Need            time.Duration `json:"need"`              // at this weight, until the triggers that can decide could have fired
	Answers         []Answer      `json:"answers,omitempty"` // of both sides: their pairs, and stored predictions where they can be asked
	RulesDrift      string        `json:"rules_drift"`       // how the service's rules in Prometheus differ from the runbook's; empty: nothing is known to differ
	Problem         string        `json:"problem"`           // why there is no answer; empty: there is one
}

// A Release is one candidate on its way in one region, key "release/<service>/<region>".
// At most one is open.
type Release struct {
	Schema          int              `json:"schema"`
	ID              string           `json:"id"`
	Service         string           `json:"service"`
	Region          string           `json:"region"`
	Stable          Side             `json:"stable"`
	Candidate       Side             `json:"candidate"`
	Weight          runbook.Weight   `json:"weight"` // the candidate's wanted share, 0..100; stable has the rest
	Phase           ReleasePhase     `json:"phase"`
	Epoch           int              `json:"epoch"` // grows with every change of weights
	StartedAt       time.Time        `json:"started_at"`
	StartedBy       string           `json:"started_by"`
	WeightChangedAt time.Time        `json:"weight_changed_at"`
	Incident        string           `json:"incident,omitempty"` // the newest incident of this release
	Frozen          string           `json:"frozen,omitempty"`   // why promotion is stopped; empty: it is not
	Held            *HumanHold       `json:"held,omitempty"`
	Stopped         *HumanStop       `json:"stopped,omitempty"`     // a human stopped the ramp
	Unarmed         []string         `json:"unarmed,omitempty"`     // in the answer to a start: what keeps triggers from firing
	Waiting         string           `json:"waiting,omitempty"`     // why the next step of the ramp is not taken now, in words
	Asking          string           `json:"asking,omitempty"`      // the approval that asks for the next step
	TrafficAt       time.Time        `json:"traffic_at,omitzero"`   // when the candidate first got traffic; warm-up counts from here
	Moves           []Move           `json:"moves,omitempty"`       // every change of the weight, oldest first
	Proof           *Proof           `json:"proof,omitempty"`       // of the last flip, or of the step to all traffic
	Standby         *Standby         `json:"standby,omitempty"`     // whether a rollback is possible right now; nil: not probed yet, or the release is over
	ClosedAt        time.Time        `json:"closed_at,omitzero"`    // when it was proved: all traffic, and the bake time is over
	Good            *Side            `json:"good,omitempty"`        // the last known good: the candidate of the last release that was proved
	GoodBefore      *Side            `json:"good_before,omitempty"` // the one before it
	Shadow          string           `json:"shadow,omitempty"`      // the shadow report that let it start, "sha256:…"; empty: none was asked for
	Rollout         *runbook.Rollout `json:"rollout,omitempty"`     // the ramp it follows, if not the runbook's: drafted from an incident
	SaferThan       string           `json:"safer_than,omitempty"`  // that incident
	NotProved       *HumanWord       `json:"not_proved,omitempty"`  // the stable side is not the last known good, and who said that it may be
	Regions         *RegionPlan      `json:"regions,omitempty"`     // the regions that it goes through; nil: it is for this one alone
	Planned         []string         `json:"planned,omitempty"`     // ids of the region plans that were started here, the newest last, carried from release to release
	BreachedAt      time.Time        `json:"breached_at,omitzero"`  // when a breach of it was last confirmed
	BrakedAt        time.Time        `json:"braked_at,omitzero"`    // of the breaches in several regions for which it was frozen: the newest
	Rollbacks       []time.Time      `json:"rollbacks,omitempty"`   // automatic ones of the service in the last 24 h, carried from release to release
	Applied         *Applied         `json:"applied,omitempty"`     // how far the newest change of the split has come
	Pending         []DeferredWrite  `json:"pending,omitempty"`     // writes to other places that are not done yet, in their order
	Op              string           `json:"op"`                    // the operation id of the last transaction
}

// Side is one of the two versions of a release.
type Side struct {
	Version string `json:"version"` // value of the version label
	Backend string `json:"backend"` // the router's name for it
	Bundle  string `json:"bundle"`  // digest
}

// SideOf is a side of a release file; its backend is called like the version by default.
func SideOf(l runbook.LaunchSide) Side {
	return Side{Version: l.Version, Backend: cmp.Or(l.Backend, l.Version), Bundle: l.Bundle.Digest()}
}

// ReleasePhase is where a release stands.
type ReleasePhase string

const (
	Open       ReleasePhase = "open"
	RolledBack ReleasePhase = "rolled_back"
	Closed     ReleasePhase = "closed"
)

// HumanHold means somebody else changed the split: no automatic write until a human
// lets it go on.
type HumanHold struct {
	Since time.Time `json:"since"`
	Want  Split     `json:"want"`
	Found Split     `json:"found"`
}

// HumanStop means that a human stopped the ramp, or said no to its next step. Weights
// stay as they are, and a breach still rolls back.
type HumanStop struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
}

// A HumanWord is who allowed what a rule forbids, and why.
type HumanWord struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
}

// A Move is one change of a release's weight.
type Move struct {
	At    time.Time      `json:"at"`
	From  runbook.Weight `json:"from"`
	To    runbook.Weight `json:"to"`
	By    string         `json:"by,omitempty"` // the human; empty: the daemon
	Why   string         `json:"why"`          // "start", "promote", "flip", "accept split", "rollback", "proved" (which moves nothing)
	Epoch int            `json:"epoch"`        // since this move
	// AppliedAt is when every instance of the router had shown it; zero: not yet, or none is
	// named.
	AppliedAt time.Time `json:"applied_at,omitzero"`
	// Checked is what came of the checks after a flip or the step to all traffic.
	Checked string `json:"checked,omitempty"`
}

// Began is when the candidate got its first traffic, or when the release began if that
// is not known.
func (r Release) Began() time.Time {
	if r.TrafficAt.IsZero() {
		return r.StartedAt
	}
	return r.TrafficAt
}

// Want is the split the release asks of the router.
func (r Release) Want() Split {
	return Split{r.Stable.Backend: r.Weight.Rest(), r.Candidate.Backend: r.Weight}
}

// Follows returns the runbook with the ramp that the release follows: its own, if it
// was started on one and is open.
func (r Release) Follows(rb *runbook.Runbook) *runbook.Runbook {
	if r.Rollout == nil || r.Phase != Open {
		return rb
	}
	own := *rb
	own.Rollout = r.Rollout
	return &own
}

// BrokeAt is the weight at which the release was rolled back; false if it was not.
func (r Release) BrokeAt() (runbook.Weight, bool) {
	for n := len(r.Moves) - 1; n >= 0 && r.Phase == RolledBack; n-- {
		if r.Moves[n].Why == "rollback" {
			return r.Moves[n].From, true
		}
	}
	return 0, false
}
