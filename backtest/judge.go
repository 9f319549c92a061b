package backtest

import (
	"slices"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/shadow/stat"
)

// Match is an alert beside the real incidents.
type Match string

const (
	Hit        Match = "hit"
	FalseAlarm Match = "false_alarm"
	Unjudged   Match = "unjudged" // no list of incidents was given, or the alert says only that data is missing
)

// Outcome is a real incident beside the alerts.
type Outcome string

const (
	Caught    Outcome = "caught"
	Missed    Outcome = "missed"
	NoRelease Outcome = "no_release"     // no release was in flight, and no trigger asks about all versions
	Outside   Outcome = "outside_period" // before or after what was replayed
)

// A judge lays alerts beside incidents. An alert hits an incident if they overlap
// once the incident is widened by the tolerance on both sides: people write down
// times late.
type judge struct {
	incidents []RealIncident
	known     bool // a list was given; an empty one says that nothing was wrong
	tolerance time.Duration
}

func (j judge) hits(f Firing, i RealIncident) bool {
	return !f.To.Before(i.From.Add(-j.tolerance)) && !f.From.After(i.end().Add(j.tolerance))
}

// firing completes one firing.
func (j judge) firing(f *Firing) {
	f.Verdict = Unjudged
	if !j.known || f.Trigger == rules.BlindTrigger {
		return
	}
	f.Verdict = FalseAlarm
	for _, i := range j.incidents {
		if j.hits(*f, i) {
			f.Verdict, f.Incident, f.Lead = Hit, i.Name, f.From.Sub(i.From).Seconds()
			return
		}
	}
}

// incident completes one incident. always says that some trigger needs no release.
func (j judge) incident(i RealIncident, all []Firing, releases []PastRelease, from, to time.Time, always bool) RealIncident {
	for _, f := range all {
		if f.Trigger == rules.BlindTrigger || !j.hits(f, i) {
			continue
		}
		if len(i.By) == 0 {
			i.Lead = f.From.Sub(i.From).Seconds()
		}
		if !slices.Contains(i.By, f.Trigger) {
			i.By = append(i.By, f.Trigger)
		}
	}
	end := i.end()
	judged := always || slices.ContainsFunc(releases, func(r PastRelease) bool {
		return !r.Start.After(end) && (r.End.IsZero() || r.End.After(i.From))
	})
	switch {
	case len(i.By) > 0:
		i.Outcome = Caught
	case i.From.After(to) || end.Before(from):
		i.Outcome = Outside
	case judged:
		i.Outcome = Missed
	default:
		i.Outcome = NoRelease
	}
	return i
}

// confidence of all bounds.
const confidence = 0.95

// A Tally counts the alarms of one trigger: firings of one release and region that
// are less than the tolerance apart are one alarm.
type Tally struct {
	Alarms int `json:"alarms"`
	Hits   int `json:"hits"`
	False  int `json:"false_alarms"` // without a list of incidents: all of them
	// FalsePerWeek is per week of history; AtMost is the exact 95 % bound of its mean,
	// taking alarms as independent.
	FalsePerWeek float64 `json:"false_alarms_per_week"`
	AtMost       float64 `json:"false_alarms_per_week_at_most"`
}

func (j judge) tally(all []Firing, trigger string, weeks float64) Tally {
	var t Tally
	last := map[string]Firing{}
	for _, f := range all {
		if f.Trigger != trigger {
			continue
		}
		key := f.Region + "\x00" + f.Release
		before, again := last[key]
		last[key] = f
		if again && f.From.Sub(before.To) <= j.tolerance && (before.Verdict == f.Verdict) {
			continue
		}
		t.Alarms++
		if f.Verdict == Hit {
			t.Hits++
		} else {
			t.False++
		}
	}
	t.FalsePerWeek, t.AtMost = float64(t.False)/weeks, stat.PoissonAtMost(int64(t.False), 1-confidence)/weeks
	return t
}
