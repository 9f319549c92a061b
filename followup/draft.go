package followup

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A History counts a release's past anew by what a runbook measures, until a moment, and hands
// over each interval, oldest first.
type History func(ctx context.Context, rb *runbook.Runbook, rel record.Release, until time.Time, f func(monitor.Step)) error

// A Past is a release that is over, as far as it is known.
type Past struct {
	record.Release
	Until      time.Time // its last moment with two sides
	RolledBack bool
}

// A Case is an incident that a trigger is looked for.
type Case struct {
	Incident record.Incident
	Runbook  *runbook.Runbook
	Release  record.Release
	From, To time.Time     // in which the releases before were looked for
	Least    time.Duration // shorter ones are not seen
	Before   []Past        // newest first
	Unknown  string        // why some of them are not known; empty: all are
}

// A Draft is what was found for a case: triggers that would have fired earlier in its release.
type Draft struct {
	Own      time.Time // when the runbook's own trigger fires in the same history; zero: it does not, or there is none
	Opened   time.Time // when the incident was opened
	Tried    int
	Found    []Found // earlier ones, the best first; none: nothing would have been earlier
	From, To time.Time
	Least    time.Duration
	Looked   int      // releases before that were counted
	Bad      int      // of these, rolled back
	Problems []string // what could not be counted
}

// Found is a trigger that would have fired earlier.
type Found struct {
	Trigger runbook.Trigger
	Instead string    // of which trigger of the runbook; empty: it is new
	At      time.Time // when it would have fired
	Fired   []Firing  // in releases before
}

// A Firing is a release before in which a trigger would have fired.
type Firing struct {
	Release    string
	At         time.Time
	RolledBack bool // the release was rolled back then: no false alarm
}

// Early is how much earlier than in truth the trigger would have fired. Both are moments of the same
// history where the runbook's own trigger fires in it; else the incident was opened when it was, and a
// daemon hears of an interval a little after its end.
func (d Draft) Early(f Found) time.Duration { return cmp.Or(d.Own, d.Opened).Sub(f.At) }

// False are the firings in releases that nobody rolled back.
func (f Found) False() int {
	n := 0
	for _, one := range f.Fired {
		if !one.RolledBack {
			n++
		}
	}
	return n
}

// Search tries triggers on the incident's release, and those that would have been earlier on the
// releases before. It counts each release once. Where history ends, it says so.
func Search(ctx context.Context, c Case, history History) Draft {
	all := tries(c.Runbook, c.Incident.Breach.Trigger)
	d := Draft{Opened: c.Incident.OpenedAt, Tried: len(all), From: c.From, To: c.To, Least: c.Least}
	if c.Unknown != "" {
		d.Problems = append(d.Problems, c.Unknown)
	}
	own := len(all)
	if t, ok := c.Runbook.Trigger(c.Incident.Breach.Trigger); ok && t.Comparative() {
		all = append(all, try{c.Runbook, t, t.Name})
	}
	counted := everything(c.Runbook, all)
	fired, err := replay(ctx, history, counted, c.Release, c.Incident.OpenedAt, all)
	if err != nil {
		d.Problems = append(d.Problems, "release "+c.Release.ID+": "+err.Error())
	}
	if own < len(all) {
		d.Own, all, fired = fired[own], all[:own], fired[:own]
	}
	var earlier []try
	for n, at := range fired {
		if f := (Found{all[n].trigger, all[n].instead, at, nil}); !at.IsZero() && d.Early(f) > 0 {
			d.Found, earlier = append(d.Found, f), append(earlier, all[n])
		}
	}
	if len(earlier) > 0 {
		d.before(ctx, c.Before, history, counted, earlier)
	}
	slices.SortStableFunc(d.Found, func(a, b Found) int {
		return cmp.Or(cmp.Compare(a.False(), b.False()), a.At.Compare(b.At))
	})
	return d
}

// before tries what was found on the releases before.
func (d *Draft) before(ctx context.Context, all []Past, history History, counted *runbook.Runbook, earlier []try) {
	for _, p := range all {
		fired, err := replay(ctx, history, counted, p.Release, p.Until, earlier)
		if err != nil {
			d.Problems = append(d.Problems, "release "+p.ID+": "+err.Error())
			continue
		}
		if d.Looked++; p.RolledBack {
			d.Bad++
		}
		for n, at := range fired {
			if !at.IsZero() {
				d.Found[n].Fired = append(d.Found[n].Fired, Firing{p.ID, at, p.RolledBack})
			}
		}
	}
}

// replay is when each of the triggers fires in a release; zero: it does not.
func replay(ctx context.Context, history History, rb *runbook.Runbook, rel record.Release, until time.Time, all []try) ([]time.Time, error) {
	fired, tests := make([]time.Time, len(all)), make([]*analysis.Release, len(all))
	for n, t := range all {
		var err error
		if tests[n], err = analysis.Only(t.rb, t.trigger.Name); err != nil {
			return fired, err
		}
	}
	err := history(ctx, rb, rel, until, func(s monitor.Step) {
		for n, t := range all {
			if r := s.Judge(tests[n])[t.trigger.Name]; fired[n].IsZero() && r.Fires() {
				fired[n] = s.End.UTC()
			}
		}
	})
	return fired, err
}
