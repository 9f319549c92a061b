package gameday

import (
	"html/template"
	"math"
	"time"

	"github.com/autorollback/autorollback/chart"
	"github.com/autorollback/autorollback/runbook"
)

// Picture is an SVG: the share of requests that failed users, the candidate's share of the
// traffic, and when each thing happened, counted from the break.
func (s Score) Picture() template.HTML {
	return chart.Chart{
		Title: "From the break on", Zero: s.Broke, Marks: s.marks(),
		Panels: []chart.Panel{
			{Name: "Requests that failed users, each second", Lines: []chart.Line{s.failures()}, Limit: math.NaN(), Format: runbook.Percent},
			{Name: "The candidate's share of the traffic", Lines: []chart.Line{s.share()}, Limit: math.NaN(), Format: runbook.Percent},
		},
	}.SVG()
}

func (s Score) marks() []chart.Mark {
	all := []chart.Mark{{Name: "broke", At: s.Broke}}
	add := func(name string, at time.Time) {
		if !at.IsZero() {
			all = append(all, chart.Mark{Name: name + " " + seconds(at.Sub(s.Broke)), At: at})
		}
	}
	if i := s.Incident; i != nil {
		add("detected", i.OpenedAt)
		add("acted", i.ActedAt)
		add("notified", s.Notified)
		add("drained", i.DrainedAt)
		if i.Verdict != nil {
			add(string(i.Verdict.Outcome), i.Verdict.At)
		}
	}
	return all
}

// share is a step at each change.
func (s Score) share() chart.Line {
	l := chart.Line{Name: "candidate", Role: chart.Candidate}
	last := runbook.Weight(-1)
	for _, t := range s.Ticks {
		at := s.Broke.Add(t.At)
		if last >= 0 && t.Share != last {
			l.Points = append(l.Points, chart.Point{At: at, Value: last.Share()})
		}
		l.Points = append(l.Points, chart.Point{At: at, Value: t.Share.Share()})
		last = t.Share
	}
	return l
}

// failures is the share of failed requests of each second.
func (s Score) failures() chart.Line {
	l := chart.Line{Name: "all versions", Role: chart.Total}
	if len(s.Ticks) == 0 {
		return l
	}
	from := s.Ticks[0]
	for _, t := range s.Ticks {
		if t.At-from.At < time.Second || t.Sent == from.Sent {
			continue
		}
		l.Points = append(l.Points, chart.Point{At: s.Broke.Add(t.At), Value: float64(t.Failed-from.Failed) / float64(t.Sent-from.Sent)})
		from = t
	}
	return l
}
