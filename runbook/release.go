package runbook

import "time"

// A Release is one candidate on its way in one region, key "release/<service>/<region>".
// At most one is open.
type Release struct {
	Schema          int          `json:"schema"`
	ID              string       `json:"id"`
	Service         string       `json:"service"`
	Region          string       `json:"region"`
	Stable          Side         `json:"stable"`
	Candidate       Side         `json:"candidate"`
	Weight          int          `json:"weight"` // the candidate's wanted share, 0..100; stable has the rest
	Phase           ReleasePhase `json:"phase"`
	Epoch           int          `json:"epoch"` // grows with every change of weights
	StartedAt       time.Time    `json:"started_at"`
	StartedBy       string       `json:"started_by"`
	WeightChangedAt time.Time    `json:"weight_changed_at"`
	Incident        string       `json:"incident,omitempty"` // the newest incident of this release
	Frozen          string       `json:"frozen,omitempty"`   // why promotion is stopped; empty: it is not
	Held            *HumanHold   `json:"held,omitempty"`
	Stopped         *HumanStop   `json:"stopped,omitempty"`     // a human stopped the ramp
	Waiting         string       `json:"waiting,omitempty"`     // why the next step of the ramp is not taken now, in words
	Asking          string       `json:"asking,omitempty"`      // the approval that asks for the next step
	TrafficAt       time.Time    `json:"traffic_at,omitzero"`   // when the candidate first got traffic; warm-up counts from here
	Moves           []Move       `json:"moves,omitempty"`       // every change of the weight, oldest first
	Proof           *Proof       `json:"proof,omitempty"`       // of the last flip, or of the step to all traffic
	ClosedAt        time.Time    `json:"closed_at,omitzero"`    // when it was proved: all traffic, and the bake time is over
	Good            *Side        `json:"good,omitempty"`        // the last known good: the candidate of the last release that was proved
	GoodBefore      *Side        `json:"good_before,omitempty"` // the one before it
	Shadow          string       `json:"shadow,omitempty"`      // the shadow report that let it start, "sha256:…"; empty: none was asked for
	Rollout         *Rollout     `json:"rollout,omitempty"`     // the ramp it follows, if not the runbook's: drafted from an incident
	SaferThan       string       `json:"safer_than,omitempty"`  // that incident
	NotProved       *HumanWord   `json:"not_proved,omitempty"`  // the stable side is not the last known good, and who said that it may be
	Rollbacks       []time.Time  `json:"rollbacks,omitempty"`   // automatic ones of the service in the last 24 h, carried from release to release
	Op              string       `json:"op"`                    // the operation id of the last transaction
}

// Side is one of the two versions of a release.
type Side struct {
	Version string `json:"version"` // value of the version label
	Backend string `json:"backend"` // the router's name for it
	Bundle  string `json:"bundle"`  // digest
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
	At    time.Time `json:"at"`
	From  int       `json:"from"`
	To    int       `json:"to"`
	By    string    `json:"by,omitempty"` // the human; empty: the daemon
	Why   string    `json:"why"`          // "start", "promote", "flip", "let go", "rollback", "proved" (which moves nothing)
	Epoch int       `json:"epoch"`        // since this move
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
	return Split{r.Stable.Backend: 100 - r.Weight, r.Candidate.Backend: r.Weight}
}

// Launch is a parsed release file: what `release start -f` asks for.
type Launch struct {
	Schema    int        `yaml:"schema" json:"schema"`
	Service   string     `yaml:"service" json:"service"`
	Region    string     `yaml:"region" json:"region"` // default DefaultRegion
	Weight    int        `yaml:"weight" json:"weight"` // candidate's first weight, 0..100
	Stable    LaunchSide `yaml:"stable" json:"stable"`
	Candidate LaunchSide `yaml:"candidate" json:"candidate"`
	// StableNotProved is why the stable side need not be the last known good; it comes
	// from whoever starts the release, never from the file. Empty: it must be.
	StableNotProved string `yaml:"-" json:"-"`
	// Safer asks for the ramp that [Rollout.Safer] drafts from the last incident. It
	// comes from whoever starts the release as well.
	Safer bool `yaml:"-" json:"-"`
}

// LaunchSide is one side of a launch with its whole bundle.
type LaunchSide struct {
	Version string `yaml:"version" json:"version"`
	Backend string `yaml:"backend" json:"backend"` // default Version
	Bundle  Bundle `yaml:"bundle" json:"bundle"`
}
