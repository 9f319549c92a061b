package backtest

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/autorollback/autorollback/chart"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// Picture writes an SVG of one trigger over the period: the effect as a line with the threshold,
// and below it when releases were in flight, when the alert fired, and the real incidents.
func (r Report) Picture(out io.Writer, trigger string) error {
	for _, t := range r.Triggers {
		if t.Trigger == trigger {
			_, err := out.Write(r.chart(t).File())
			return err
		}
	}
	return fmt.Errorf("no trigger %q in this report", trigger)
}

func (r Report) chart(t TriggerReport) chart.Chart {
	p := chart.Panel{
		Name:  fmt.Sprintf("%d alarms: %d hits, %d false; %.2g false alarms a week (95 %% sure: at most %.2g)", t.Alarms, t.Hits, t.False, t.FalsePerWeek, t.AtMost),
		Limit: math.NaN(), LimitName: "threshold " + t.Threshold, Lines: t.lines(),
	}
	if t.has {
		p.Limit, p.Floor, p.Top = t.limit, strings.HasPrefix(t.Threshold, "<"), max(5*t.limit, 0)
	}
	return chart.Chart{
		Title: fmt.Sprintf("%s: %s (%s)", r.Service, t.Trigger, t.Severity), From: r.From, To: r.To,
		Every: max(r.To.Sub(r.From)/curvePoints*6/5, 2*time.Minute), Panels: []chart.Panel{p}, Strips: r.strips(t.Trigger),
	}
}

// lines are one for each release, so that nothing is drawn between them.
func (t TriggerReport) lines() []chart.Line {
	var out []chart.Line
	for i, x := range t.curve {
		if i == 0 || t.curve[i-1].release != x.release {
			out = append(out, chart.Line{Name: "effect", Role: chart.Candidate})
		}
		l := &out[len(out)-1]
		l.Points = append(l.Points, chart.Point{At: x.at, Value: x.value})
	}
	return out
}

func (r Report) strips(trigger string) []chart.Strip {
	releases, fired, real := chart.Strip{Name: "Release in flight"}, chart.Strip{Name: "Fired: green a hit, red a false alarm, brown not judged"}, chart.Strip{Name: "Real incident"}
	for _, rel := range r.Releases {
		releases.Spans = append(releases.Spans, chart.Span{Name: "release " + rel.ID, At: rel.Start, Until: rel.End})
	}
	for _, f := range r.Firings {
		if f.Trigger == trigger {
			fired.Spans = append(fired.Spans, chart.Span{Name: fmt.Sprintf("fired %s to %s: %s", clock(f.From), clock(f.To), f.Verdict), At: f.From, Until: f.To, Tone: toneOf(f.Verdict)})
		}
	}
	for _, i := range r.Incidents {
		if i.Outcome != Outside {
			real.Spans = append(real.Spans, chart.Span{Name: fmt.Sprintf("%s, %s: %s", i.Name, clock(i.From), i.Outcome), At: i.From, Until: i.end()})
		}
	}
	return []chart.Strip{releases, fired, real}
}

func toneOf(m Match) chart.Tone {
	switch m {
	case Hit:
		return chart.Good
	case FalseAlarm:
		return chart.Bad
	}
	return chart.Warn
}

func clock(at time.Time) string { return at.UTC().Format("Jan 2 15:04") }

// curvePoints is about how many points a curve has over the whole period; while its
// trigger fires, each evaluation gives one.
const curvePoints = 2000

// A point is a trigger's effect at a moment of a release.
type point struct {
	at      time.Time
	value   float64
	release string
}

// curves are the effects of all triggers, for the pictures.
type curves struct {
	w         *world
	questions rules.Questions
	step      time.Duration
	next      time.Time
	points    map[string][]point
}

func newCurves(w *world, q rules.Questions, from, to time.Time) *curves {
	return &curves{w: w, questions: q, step: to.Sub(from) / curvePoints, next: from, points: map[string][]point{}}
}

// look takes a point of each trigger if it is time for one, or if the trigger fires.
func (c *curves) look(ctx context.Context, now time.Time, active map[string]*Firing) {
	due := !now.Before(c.next)
	if due {
		c.next = now.Add(c.step)
	}
	firing := map[string]bool{}
	for _, f := range active {
		firing[f.Trigger] = true
	}
	for _, t := range c.w.runbook.Triggers {
		if !due && !firing[t.Name] {
			continue
		}
		for _, rel := range c.releases(t, now) {
			e, err := c.questions.Effect(t.Name, rel)
			if err != nil {
				continue
			}
			if v, ok := c.w.number(ctx, e, now); ok {
				c.points[t.Name] = append(c.points[t.Name], point{now, v, rel.ID})
			}
		}
	}
}

func (c *curves) releases(t runbook.Trigger, now time.Time) []record.Release {
	if t.Absolute() {
		return []record.Release{{Service: c.w.runbook.Service}}
	}
	var out []record.Release
	for _, r := range c.w.releases {
		if r.open(now) {
			out = append(out, r.release(c.w.runbook.Service, now))
		}
	}
	return out
}
