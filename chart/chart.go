package chart

import (
	"time"
)

// A Point is a value at a moment. One that is NaN or infinite is a gap.
type Point struct {
	At    time.Time
	Value float64
}

// Role says whose curve it is, and so how it is drawn.
type Role string

// The roles of curves.
const (
	Candidate    Role = "candidate"
	Stable       Role = "stable"
	Total        Role = "total" // all versions together
	Significance Role = "significance"
	Limit        Role = "limit" // that moves, e.g. with the stable version; a fixed one is Panel.Limit
)

// A Line is a curve. Points further apart than two and a half intervals of the chart have a
// gap between them.
type Line struct {
	Name   string
	Role   Role
	Points []Point // in any order
}

// A Mark is something that happened: a moment, or a bracket of time.
type Mark struct {
	Name      string
	At, Until time.Time // Until zero: a moment
}

// A Panel is one value axis with its curves.
type Panel struct {
	Name      string // what is drawn, with what it is over: "error rate, 5 m"
	Lines     []Line
	Limit     float64 // NaN: none
	LimitName string  // e.g. "limit 5 %"; empty: "limit" with the number
	Floor     bool    // below the limit is past it
	Top       float64 // what is above is drawn at the upper edge; 0: nothing is
	Format    func(float64) string
}

// Tone says what a bar of a strip means.
type Tone string

// The tones.
const (
	Plain Tone = "plain"
	Good  Tone = "good"
	Bad   Tone = "bad"
	Warn  Tone = "warn"
)

// A Span is a stretch of time in a strip. Until zero: it goes on.
type Span struct {
	Name      string
	At, Until time.Time
	Tone      Tone
}

// A Strip shows when something was so, under the panels.
type Strip struct {
	Name  string
	Spans []Span
}

// A Chart is panels over one time axis. With From or To zero it shows what there is.
type Chart struct {
	Title    string
	From, To time.Time
	Zero     time.Time     // the axis counts from it; zero: it shows the time of day, UTC
	Every    time.Duration // between two points; 0: no gaps
	Panels   []Panel
	Strips   []Strip
	Marks    []Mark
}

// known is a moment of the time that services run in; any other one is as if it were missing,
// and so no distance of two overflows.
func known(at time.Time) time.Time {
	if y := at.UTC().Year(); y < 1970 || y > 2199 {
		return time.Time{}
	}
	return at
}

// nowhere is where a chart begins that has no moment to show.
var nowhere = time.Unix(0, 0)

// span is the time that is shown: never empty.
func (c Chart) span() (from, to time.Time) {
	from, to = known(c.From), known(c.To)
	fixed, ends := !from.IsZero(), !to.IsZero()
	grow := func(at time.Time) {
		if at = known(at); at.IsZero() {
			return
		}
		if !fixed && (from.IsZero() || at.Before(from)) {
			from = at
		}
		if !ends && at.After(to) {
			to = at
		}
	}
	for _, p := range c.Panels {
		for _, l := range p.Lines {
			for _, x := range l.Points {
				grow(x.At)
			}
		}
	}
	for _, m := range c.Marks {
		grow(m.At)
		grow(m.Until)
	}
	for _, l := range c.Strips {
		for _, s := range l.Spans {
			grow(s.At)
			grow(s.Until)
		}
	}
	if from.IsZero() {
		from = nowhere
	}
	if !to.After(from) {
		to = from.Add(max(min(c.Every, day), time.Second))
	}
	return from, to
}
