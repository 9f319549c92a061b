package report

import (
	"cmp"
	"html/template"
	"math"
	"slices"
	"time"

	"github.com/autorollback/autorollback/chart"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Charts draws the curves that belong to an incident, the trigger that breached first, then the
// other triggers that fired, what users got after the rollback, and the rest: each with the
// limit, and with marks at onset, alert, decided, moved, drained and the verdict. A curve without
// any sample around the incident is left out, unless it is the trigger's own.
func Charts(inc record.Incident, curves []record.Curve) []chart.Chart {
	marks := marksOf(inc)
	var out []chart.Chart
	for _, c := range ordered(inc, curves) {
		one := chartOf(c, inc.Candidate.Version, inc.Stable.Version)
		one.From, one.To = around(inc, marks, c.Every.Std())
		if one.Marks = marks; drawnIn(one) || c.Name == inc.Breach.Trigger {
			out = append(out, one)
		}
	}
	return out
}

// ReleaseCharts draws the curves of an open release that has no incident, with its changes of
// weight as marks.
func ReleaseCharts(rel record.Release, curves []record.Curve) []chart.Chart {
	var out []chart.Chart
	for _, c := range curves {
		one := chartOf(c, rel.Candidate.Version, rel.Stable.Version)
		for _, m := range rel.Moves {
			one.Marks = append(one.Marks, chart.Mark{Name: m.To.String(), At: m.At})
		}
		out = append(out, one)
	}
	return out
}

// SparkOf is the newest hour of a curve against its limit, for a card.
func SparkOf(c record.Curve) template.HTML {
	line, limit := chart.Line{Name: c.Drawn, Role: chart.Candidate}, math.NaN()
	for _, s := range newest(c, time.Hour) {
		v := s.Candidate
		if c.Kind == record.OfRecovery || !v.Known() && s.Total.Known() {
			v, line.Role = s.Total, chart.Total
		}
		line.Points = append(line.Points, chart.Point{At: s.At, Value: float64(v)})
		limit = float64(s.Limit)
	}
	return chart.Spark(line, limit)
}

func newest(c record.Curve, span time.Duration) []record.Sample {
	n := len(c.Samples)
	if n == 0 {
		return nil
	}
	from := c.Samples[n-1].At.Add(-span)
	return c.Samples[slices.IndexFunc(c.Samples, func(s record.Sample) bool { return !s.At.Before(from) }):]
}

// ordered are the curves by how much they matter to the incident.
func ordered(inc record.Incident, curves []record.Curve) []record.Curve {
	rank := func(c record.Curve) int {
		switch {
		case c.Name == inc.Breach.Trigger:
			return 0
		case slices.Contains(inc.Triggers, c.Name):
			return 1
		case c.Kind == record.OfRecovery:
			return 2
		}
		return 3
	}
	out := slices.Clone(curves)
	slices.SortStableFunc(out, func(a, b record.Curve) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

// marksOf are the moments of an incident that it has reached.
func marksOf(inc record.Incident) []chart.Mark {
	var out []chart.Mark
	for n, m := range moments(inc) {
		if m.at.IsZero() {
			continue
		}
		mark := chart.Mark{Name: m.word, At: m.at}
		if h := inc.Harm(); n == 0 && h.To.After(h.From) {
			mark.At, mark.Until = h.From, h.To
		}
		out = append(out, mark)
	}
	return out
}

// mostLead bounds how much is drawn before the first mark.
const mostLead = 30 * time.Minute

// around is the time that is drawn of an incident: as much before its first mark as it has taken
// since, so that one sees how it was before; of an open one until the newest sample. Zero where
// nothing has happened yet.
func around(inc record.Incident, marks []chart.Mark, every time.Duration) (from, to time.Time) {
	for _, m := range marks {
		if from.IsZero() || m.At.Before(from) {
			from = m.At
		}
		if m.At.After(to) {
			to = m.At
		}
	}
	if from.IsZero() {
		return from, to
	}
	took := to.Sub(from)
	from = from.Add(-min(max(took, 12*every), mostLead))
	if inc.Verdict == nil && inc.ClosedAt.IsZero() {
		return from, time.Time{}
	}
	return from, to.Add(max(took/10, 2*every))
}

// significanceTop is up to where significance is drawn: what matters is whether it is above 1.
const significanceTop = 2

// chartOf draws a curve, and what is significant of it below, where that is known.
func chartOf(c record.Curve, candidate, stable string) chart.Chart {
	level := chart.Panel{Name: upper(c.Drawn), Limit: math.NaN(), Floor: c.Floor, Format: func(v float64) string { return runbook.Quantity(v, c.Unit) }}
	title, stable := c.Text, "stable "+stable
	if c.Kind == record.OfRecovery {
		title, stable = "Recovery: "+c.Name, "before the breach"
	}
	if c.Limit != "" {
		level.LimitName = "limit " + c.Limit
	}
	for _, l := range []chart.Line{
		lineOf(c, chart.Candidate, "candidate "+candidate, func(s record.Sample) record.Number { return s.Candidate }),
		lineOf(c, chart.Stable, stable, func(s record.Sample) record.Number { return s.Stable }),
		lineOf(c, chart.Total, "all versions", func(s record.Sample) record.Number { return s.Total }),
	} {
		if len(l.Points) > 0 {
			level.Lines = append(level.Lines, l)
		}
	}
	limit := lineOf(c, chart.Limit, cmp.Or(level.LimitName, "limit"), func(s record.Sample) record.Number { return s.Limit })
	if fixed, is := constant(limit); is {
		level.Limit = fixed
	} else {
		level.Lines = append(level.Lines, limit)
	}
	out := chart.Chart{Title: upper(cmp.Or(title, c.Name)), Every: c.Every.Std(), Panels: []chart.Panel{level}}
	if c.Problem != "" {
		out.Title += " (incomplete: " + c.Problem + ")"
	}
	if sig := lineOf(c, chart.Significance, "significance", func(s record.Sample) record.Number { return max(s.Significance, 0) }); len(sig.Points) > 0 {
		out.Panels = append(out.Panels, chart.Panel{Name: "Significance", Lines: []chart.Line{sig}, Limit: 1, LimitName: "1: proved", Top: significanceTop})
	}
	return out
}

func lineOf(c record.Curve, role chart.Role, name string, of func(record.Sample) record.Number) chart.Line {
	l := chart.Line{Name: name, Role: role}
	for _, s := range c.Samples {
		if v := of(s); v.Known() {
			l.Points = append(l.Points, chart.Point{At: s.At, Value: float64(v)})
		}
	}
	return l
}

// constant is the limit that does not move.
func constant(l chart.Line) (float64, bool) {
	if len(l.Points) == 0 {
		return math.NaN(), true
	}
	first := l.Points[0].Value
	return first, !slices.ContainsFunc(l.Points, func(p chart.Point) bool { return p.Value != first })
}

// drawnIn reports whether there is a point in the time that a chart shows.
func drawnIn(c chart.Chart) bool {
	for _, p := range c.Panels {
		for _, l := range p.Lines {
			if slices.ContainsFunc(l.Points, func(x chart.Point) bool {
				return !x.At.Before(c.From) && (c.To.IsZero() || !x.At.After(c.To))
			}) {
				return true
			}
		}
	}
	return false
}
