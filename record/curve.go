package record

import (
	"encoding/json"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// CurveKind says which question a curve is about.
type CurveKind string

// The kinds of curves.
const (
	OfTrigger  CurveKind = "trigger"  // is the candidate worse than stable?
	OfRecovery CurveKind = "recovery" // what do users get now, from all versions?
)

// CurvesName is the file of curves in an evidence folder.
const CurvesName = "curves.json"

// A Curve is a measured level over time, as it is drawn beside its limit. Of a trigger the
// levels are those of the very window that its limit is for, as the daemon counts them, and
// the limit is what the candidate's level may be: fixed, or moving with stable's.
type Curve struct {
	Kind   CurveKind        `json:"kind"`
	Name   string           `json:"name"`           // of the trigger, or the recovery question
	Text   string           `json:"text,omitempty"` // the trigger in words
	Drawn  string           `json:"drawn"`          // what the numbers are, e.g. "P95 latency, over 5m"
	Unit   string           `json:"unit,omitempty"` // "", "s", "ratio", "points", "req/s", or that of a KPI
	Every  runbook.Duration `json:"every"`          // between two samples of full density
	Limit  string           `json:"limit,omitempty"`
	Floor  bool             `json:"floor,omitempty"` // below the limit is past it
	Method string           `json:"method,omitempty"`
	// Problem says why samples are missing; empty: none are known to be.
	Problem string   `json:"problem,omitempty"`
	Samples []Sample `json:"samples"` // oldest first
}

// A Sample is what was known at the end of an interval, or by a poll. What is not known is
// left out.
type Sample struct {
	At           time.Time `json:"at"`
	Candidate    Number    `json:"candidate,omitzero"`
	Stable       Number    `json:"stable,omitzero"` // of a recovery question: its level before the breach
	Total        Number    `json:"total,omitzero"`  // of all versions together
	Limit        Number    `json:"limit,omitzero"`
	Significance Number    `json:"significance,omitzero"` // 1 is proved
}

// UnmarshalJSON reads a sample: what is left out is not known.
func (s *Sample) UnmarshalJSON(text []byte) error {
	type plain Sample
	read := plain(Unsampled(time.Time{}))
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*s = Sample(read)
	return nil
}

// Unsampled is a sample of which nothing is known but the moment.
func Unsampled(at time.Time) Sample {
	return Sample{At: at, Candidate: NotKnown, Stable: NotKnown, Total: NotKnown, Limit: NotKnown, Significance: NotKnown}
}

// MostPolls bounds the samples that an incident keeps of one recovery question, MostQuestions
// of how many.
const (
	MostPolls     = 48
	MostQuestions = 12
)

// Poll adds one poll of the recovery questions to the curves that the incident keeps. Of many
// polls every other one gives way, and the newest stays.
func (i *Incident) Poll(answers []Answer, every runbook.Duration, at time.Time) {
	curves := make([]Curve, len(i.Levels), len(i.Levels)+len(answers))
	copy(curves, i.Levels)
	for _, a := range answers {
		n := 0
		for n < len(curves) && curves[n].Name != a.Question {
			n++
		}
		if n == len(curves) {
			if a.Aside || n == MostQuestions {
				continue
			}
			curves = append(curves, Curve{Kind: OfRecovery, Name: Truncate(a.Question, MaxValue), Drawn: Truncate(a.Question, MaxValue) + ", all versions", Unit: a.Unit, Every: every})
		}
		curves[n].Samples = polled(curves[n].Samples, a, at)
		curves[n].Floor = a.Business
	}
	i.Levels = curves
}

// polled is a new list: what was read from the store is not touched.
func polled(before []Sample, a Answer, at time.Time) []Sample {
	out := make([]Sample, 0, len(before)+1)
	for n, s := range before {
		if len(before) < MostPolls || n%2 == 0 {
			out = append(out, s)
		}
	}
	s := Unsampled(at.UTC().Truncate(time.Second))
	if a.Health != Unknown || a.Samples > 0 { // one that only proves nothing yet has a level
		s.Total = NumberOf(a.Value)
	}
	if a.Limit != 0 {
		s.Limit = NumberOf(a.Limit)
	}
	if a.Before != 0 {
		s.Stable = NumberOf(a.Before)
	}
	return append(out, s)
}
