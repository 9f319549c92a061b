package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Phase is where an incident stands. See package lifecycle for the edges.
type Phase string

const (
	Unconfirmed Phase = "unconfirmed" // heard, but Prometheus cannot be asked or the significance is not known yet
	Awaiting    Phase = "awaiting"    // a human is asked
	HeldPhase   Phase = "held"        // a guard stopped us; a human was paged
	Frozen      Phase = "frozen"      // traffic left alone, promotion stopped
	Acted       Phase = "acted"       // committed; the candidate is draining
	Verifying   Phase = "verifying"   // drained; recovery is being asked
	Settled     Phase = "settled"     // verdict given; evidence and messages under way
	Done        Phase = "closed"
)

// An Incident is one breach of one release from first word to last, key
// "incident/<id>". Its id is derived, so creating it twice is impossible.
type Incident struct {
	Schema     int       `json:"schema"`
	ID         string    `json:"id"`
	Service    string    `json:"service"`
	Region     string    `json:"region"`
	Release    string    `json:"release"`
	Epoch      int       `json:"epoch"`
	Phase      Phase     `json:"phase"`
	Source     Source    `json:"source"` // the source that was first
	Sources    []Source  `json:"sources"`
	By         string    `json:"by,omitempty"` // the human, if one asked
	Triggers   []string  `json:"triggers"`     // first one first
	Alerts     []Alert   `json:"alerts"`       // the first of each trigger and source
	Breach     Breach    `json:"breach"`
	Decision   Decision  `json:"decision"`
	Inputs     *Inputs   `json:"inputs,omitempty"`   // what the decision rested on; nil: an older version made it
	Approval   string    `json:"approval,omitempty"` // id of the newest approval
	Change     *Change   `json:"change,omitempty"`
	Stable     Side      `json:"stable"`
	Candidate  Side      `json:"candidate"`
	OpenedAt   time.Time `json:"opened_at"`
	ActedAt    time.Time `json:"acted_at,omitzero"`
	Applied    *Applied  `json:"applied,omitempty"` // how far the rollback's split has come
	DrainedAt  time.Time `json:"drained_at,omitzero"`
	Deadline   time.Time `json:"deadline,omitzero"`  // of the verification
	Polls      int       `json:"polls"`              // good ones in a row
	PolledAt   time.Time `json:"polled,omitzero"`    // the last poll
	Health     Health    `json:"health,omitempty"`   // of the last poll
	Answers    []Answer  `json:"answers,omitempty"`  // of the last poll
	Levels     []Curve   `json:"levels,omitempty"`   // the recovery questions over time, see Poll
	Unproved   []string  `json:"unproved,omitempty"` // business checks that need longer than the deadline at this traffic
	Messages   int       `json:"messages"`           // put in the outbox so far
	Thread     Thread    `json:"thread,omitzero"`    // the first of them
	Verdict    *Verdict  `json:"verdict,omitempty"`
	Business   *Verdict  `json:"business,omitempty"`   // a KPI that needed longer than the deadline
	EvidenceAt time.Time `json:"evidence_at,omitzero"` // when the evidence folder was complete
	Evidence   string    `json:"evidence,omitempty"`   // its path or the problem
	// EvidenceDigest is that of the sealed folder's manifest, "sha256:…".
	EvidenceDigest string `json:"evidence_digest,omitempty"`
	// EvidenceLacks says what sources of samples and logs did not give, and why: the first that were missed,
	// or once the folder is complete, all that it is without.
	EvidenceLacks []string    `json:"evidence_lacks,omitempty"`
	Archived      *Archived   `json:"archived,omitempty"` // nil: it is in no archive, see InArchive
	Holds         []ImageHold `json:"holds,omitempty"`    // of its images, in their registries
	ClosedAt      time.Time   `json:"closed_at,omitzero"`
	RejectedAt    time.Time   `json:"rejected_at,omitzero"` // when a human last said no to a rollback
	// NotAppliedAt is when people were told that the router still sends the candidate traffic.
	NotAppliedAt time.Time `json:"not_applied_at,omitzero"`
	Impact       *Impact   `json:"impact,omitempty"` // on users; nil: not estimated, or not yet
	ToldAt       time.Time `json:"told_at,omitzero"` // when the first message reached somebody
	Firing       []Alarm   `json:"firing,omitempty"` // messages that continue until the incident is over, each once
	Timeline     []Record  `json:"timeline"`
	// Anchors are the newest heads of the replicas' journals that committed something of it, each
	// from before that commit.
	Anchors []Anchor `json:"anchors,omitempty"`
	// Stragglers are the other regions that had the candidate after it was rolled back here.
	Stragglers []Straggler `json:"stragglers,omitempty"`
}

// An Alarm is a kind of message that continues until somebody ends it.
type Alarm struct {
	Kind string `json:"kind"`
	Page bool   `json:"page"`
}

// Fire keeps a kind of message, once.
func (i *Incident) Fire(kind string, page bool) {
	if a := (Alarm{kind, page}); !slices.Contains(i.Firing, a) {
		i.Firing = append(i.Firing, a)
	}
}

// UnmarshalJSON reads what this and older versions stored: those had no fields for what
// only their timeline knew. Of a message that may have paged or not they did not say
// which; ending one that never was changes nothing.
func (i *Incident) UnmarshalJSON(text []byte) error {
	type plain Incident
	was := struct { // Source was called Lane
		*plain
		Old    Source   `json:"lane"`
		OldAll []Source `json:"lanes"`
	}{plain: (*plain)(i)}
	if err := json.Unmarshal(text, &was); err != nil {
		return err
	}
	if i.Source == "" {
		i.Source, i.Sources = was.Old, was.OldAll
	}
	old := len(i.Firing) == 0 && i.Messages > 0
	if old && i.Approval != "" {
		i.Fire("approval", true)
	}
	if old && !i.ActedAt.IsZero() {
		i.Fire("acted", false)
	}
	for _, r := range i.Timeline {
		if old {
			for _, a := range fired[r.Kind] {
				i.Fire(a.Kind, a.Page)
			}
		}
		for kind, at := range map[string]*time.Time{"rejected": &i.RejectedAt, "not_applied": &i.NotAppliedAt, "told": &i.ToldAt} {
			if r.Kind == kind && at.IsZero() {
				*at = r.At
			}
		}
	}
	return nil
}

// fired are the messages that belong to a line in the timeline of an older version.
var fired = map[string][]Alarm{
	"unconfirmed": {{"opened", true}},
	"decided":     {{"held", true}, {"held", false}, {"frozen", true}},
	"rejected":    {{"rejected", false}},
	"not_applied": {{"not_applied", true}},
	"expired":     {{"held", true}},
}

// IncidentID derives the id of the incident of one epoch of one release.
func IncidentID(service, region, release string, epoch int) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d", service, region, release, epoch))
	return "inc-" + hex.EncodeToString(h[:6])
}

// Outcome is a verdict's word.
type Outcome string

const (
	Recovered    Outcome = "recovered"
	NotRecovered Outcome = "not_recovered"
	WrongCause   Outcome = "wrong_cause" // the stable version is sick as well
	CannotTell   Outcome = "cannot_tell" // data missing
)

// A Verdict says what users get now, with the answers it rests on.
type Verdict struct {
	Outcome Outcome   `json:"outcome"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Answers []Answer  `json:"answers,omitempty"`
}

// An Answer is one recovery question's answer at one moment.
type Answer struct {
	Question string    `json:"question"` // e.g. "error rate", "p95 latency", "kpi conversion", "candidate traffic"
	Business bool      `json:"business,omitempty"`
	Aside    bool      `json:"aside,omitempty"` // told, and not judged: nothing was configured to ask
	Health   Health    `json:"health"`
	Value    float64   `json:"value"`
	Limit    float64   `json:"limit"`
	Before   float64   `json:"before"` // the stable level before the breach
	Samples  float64   `json:"samples"`
	Unit     string    `json:"unit,omitempty"` // "", "s", "ratio", "req/s"
	Text     string    `json:"text"`           // one sentence
	Query    Query     `json:"query"`
	At       time.Time `json:"at"`
}

// Health is an answer's word. Unknown is neither good nor bad.
type Health string

const (
	Good    Health = "good"
	Bad     Health = "bad"
	Unknown Health = "unknown"
)

// A Record is one line of the journal.
type Record struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // e.g. "alert", "confirmed", "decided", "acted", "drained", "verdict"
	Text string    `json:"text"`
	By   string    `json:"by,omitempty"`
	How  string    `json:"how,omitempty"`  // as a [Caller]'s
	From string    `json:"from,omitempty"` // the address that the order came from
	Op   string    `json:"op,omitempty"`   // operation id of the transaction that committed it
	// Alert is what became of an alert, in a journal's line of the kind [AlertKind].
	Alert *AlertResult `json:"alert,omitempty"`
	// Seen is what this process saw in a store, in a journal's line of the kind [SeenKind].
	Seen *Seen `json:"seen,omitempty"`
}

// Bounds of texts in records, in bytes.
const (
	MaxLine  = 600 // a line of a timeline, a reason
	MaxValue = 300 // a label, an annotation
)

// Truncate cuts a text to so many bytes, says so, and never cuts a character in two.
func Truncate(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := fmt.Sprintf("… (%d bytes)", len(s))
	return strings.ToValidUTF8(s[:max(most-len(end), 0)], "") + end
}
