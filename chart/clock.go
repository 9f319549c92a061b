package chart

import (
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// clockSteps are the distances of a time axis.
var clockSteps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	day, 2 * day, 7 * day, 14 * day, 30 * day, 90 * day, 365 * day, 3650 * day, 36500 * day,
}

const day = 24 * time.Hour

// A clock is a time axis.
type clock struct {
	from, to, zero time.Time
	step           time.Duration
}

func newClock(from, to, zero time.Time) clock {
	c := clock{from: from, to: to, zero: zero, step: clockSteps[len(clockSteps)-1]}
	for _, step := range clockSteps {
		c.step = step
		apart := step.Seconds() / c.to.Sub(c.from).Seconds() * Narrow
		if apart >= 1.5*widthOf(c.label(c.from))+2*beside { // those at the edges are moved by half
			break
		}
	}
	return c
}

// share is how far to the right a moment is; outside of the axis it is below 0 or above 1.
func (c clock) share(at time.Time) float64 {
	return at.Sub(c.from).Seconds() / c.to.Sub(c.from).Seconds()
}

// ticks are multiples of the step, in UTC or from the zero on.
func (c clock) ticks() []time.Time {
	if c.from.Equal(nowhere) {
		return nil
	}
	base := c.from.UTC().Truncate(c.step)
	if !c.zero.IsZero() {
		base = c.zero.Add(c.from.Sub(c.zero).Truncate(c.step))
	}
	for base.After(c.from) {
		base = base.Add(-c.step)
	}
	var out []time.Time
	for at := base; !at.After(c.to) && len(out) < 64; at = at.Add(c.step) {
		if !at.Before(c.from) {
			out = append(out, at)
		}
	}
	return out
}

func (c clock) label(at time.Time) string {
	if !c.zero.IsZero() {
		return since(at.Sub(c.zero))
	}
	switch {
	case c.step >= 365*day:
		return at.UTC().Format("2006")
	case c.step >= day:
		return at.UTC().Format("01-02")
	case c.step >= time.Minute:
		return at.UTC().Format("15:04")
	}
	return at.UTC().Format("15:04:05")
}

// caption says in which time the axis is.
func (c clock) caption() string {
	if !c.zero.IsZero() || c.from.Equal(nowhere) {
		return ""
	}
	from, to := c.from.UTC().Format(time.DateOnly), c.to.UTC().Format(time.DateOnly)
	if from != to {
		return from + " to " + to + ", UTC"
	}
	return from + ", UTC"
}

// moment says a moment in words, as exactly as the picture is.
func (c clock) moment(at time.Time) string {
	if !c.zero.IsZero() {
		return since(at.Sub(c.zero))
	}
	text := at.UTC().Format("15:04:05")
	if c.to.Sub(c.from) > day {
		text = at.UTC().Format("2006-01-02 15:04")
	}
	return text
}

// since says a time from the zero: "+4.2 s", "−2 m", "+1 h 05 m".
func since(d time.Duration) string {
	if d > 0 {
		return "+" + runbook.Span(d)
	}
	return runbook.Span(d)
}
