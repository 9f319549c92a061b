package backtest

import (
	"context"
	"fmt"
	"html"
	"io"
	"math"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// Size of a picture and of its frame, in pixels.
const (
	pictureWidth, pictureHeight = 1000, 360
	frameLeft, frameRight       = 70, 945
	frameTop, frameBottom       = 60, 300
)

// A picture places moments and values.
type picture struct {
	out       strings.Builder
	from, to  time.Time
	low, high float64
}

// Picture writes an SVG of one trigger over the period: the releases as bands, the
// effect as a line, the threshold, when the alert fired, and the real incidents.
func (r Report) Picture(out io.Writer, trigger string) error {
	for _, t := range r.Triggers {
		if t.Trigger == trigger {
			p := &picture{from: r.From, to: r.To}
			p.scale(t)
			p.draw(r, t)
			_, err := io.WriteString(out, p.out.String())
			return err
		}
	}
	return fmt.Errorf("no trigger %q in this report", trigger)
}

// scale holds the threshold and all values but the wildest, which are clipped.
func (p *picture) scale(t TriggerReport) {
	p.low, p.high = math.Inf(1), math.Inf(-1)
	add := func(v float64) { p.low, p.high = math.Min(p.low, v), math.Max(p.high, v) }
	for _, x := range t.curve {
		v := x.value
		if t.has && t.limit > 0 {
			v = math.Min(v, 5*t.limit)
		}
		add(v)
	}
	if t.has {
		add(t.limit)
	}
	if math.IsInf(p.low, 0) {
		p.low, p.high = 0, 1
	}
	margin := (p.high - p.low) * 0.1
	if margin == 0 {
		margin = math.Max(math.Abs(p.high)*0.1, 1e-9)
	}
	p.low, p.high = p.low-margin, p.high+margin
}

func (p *picture) x(at time.Time) float64 {
	share := float64(at.Sub(p.from)) / float64(p.to.Sub(p.from))
	return frameLeft + (frameRight-frameLeft)*math.Min(math.Max(share, 0), 1)
}

func (p *picture) y(v float64) float64 {
	share := (math.Min(math.Max(v, p.low), p.high) - p.low) / (p.high - p.low)
	return frameBottom - (frameBottom-frameTop)*share
}

func (p *picture) add(format string, args ...any) { fmt.Fprintf(&p.out, format+"\n", args...) }

func (p *picture) draw(r Report, t TriggerReport) {
	p.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" role="img">`, pictureWidth, pictureHeight)
	title := html.EscapeString(fmt.Sprintf("%s: %s (%s), threshold %s", r.Service, t.Trigger, t.Severity, t.Threshold))
	p.add(`<title>%s</title>`, title)
	p.add(`<rect width="%d" height="%d" fill="#fff"/>`, pictureWidth, pictureHeight)
	p.add(`<text x="%d" y="22" font-size="15" font-weight="bold">%s</text>`, frameLeft, title)
	p.add(`<text x="%d" y="42" fill="#555">%d alarms: %d hits, %d false; %.2g false alarms a week (95%% sure: at most %.2g)</text>`,
		frameLeft, t.Alarms, t.Hits, t.False, t.FalsePerWeek, t.AtMost)
	for _, rel := range r.Releases {
		p.band(rel.Start, rel.End, "#e8eef7", "release "+rel.ID)
	}
	for _, f := range r.Firings {
		if f.Trigger == t.Trigger {
			p.band(f.From, f.To, firingColour(f.Verdict), fmt.Sprintf("fired %s to %s: %s", clock(f.From), clock(f.To), f.Verdict))
		}
	}
	p.axes()
	p.line(t.curve)
	if t.has {
		p.add(`<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#b00" stroke-dasharray="6 4"/>`, frameLeft, frameRight, p.y(t.limit), p.y(t.limit))
		p.add(`<text x="%d" y="%.1f" text-anchor="end" fill="#b00">%s</text>`, frameLeft-6, p.y(t.limit)+4, html.EscapeString(t.Threshold))
	}
	for _, i := range r.Incidents {
		p.incident(i)
	}
	p.legend()
	p.add(`</svg>`)
}

func firingColour(m Match) string {
	switch m {
	case Hit:
		return "#9bd39b"
	case FalseAlarm:
		return "#f2a3a3"
	}
	return "#f5d08a"
}

// band is at least two pixels wide, so that a short alert is seen.
func (p *picture) band(from, to time.Time, colour, words string) {
	if to.IsZero() {
		to = p.to
	}
	if to.Before(p.from) || from.After(p.to) {
		return
	}
	x := p.x(from)
	p.add(`<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"><title>%s</title></rect>`,
		x, frameTop, math.Max(p.x(to)-x, 2), frameBottom-frameTop, colour, html.EscapeString(words))
}

func (p *picture) axes() {
	p.add(`<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#888"/>`, frameLeft, frameTop, frameRight-frameLeft, frameBottom-frameTop)
	const parts = 4
	for i := range parts + 1 {
		v := p.low + (p.high-p.low)*float64(i)/parts
		p.add(`<text x="%d" y="%.1f" fill="#777" font-size="10">%.3g</text>`, frameRight+2, p.y(v)+3, v)
	}
	for i := range parts + 1 {
		at := p.from.Add(p.to.Sub(p.from) * time.Duration(i) / parts)
		p.add(`<text x="%.1f" y="%d" text-anchor="middle" fill="#555">%s</text>`, p.x(at), frameBottom+16, clock(at))
	}
}

// line breaks between releases and where nothing was known for long.
func (p *picture) line(all []point) {
	gap := 3 * p.to.Sub(p.from) / curvePoints
	var path strings.Builder
	for i, x := range all {
		verb := "L"
		if i == 0 || all[i-1].release != x.release || x.at.Sub(all[i-1].at) > max(gap, 5*time.Minute) {
			verb = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", verb, p.x(x.at), p.y(x.value))
	}
	if path.Len() > 0 {
		p.add(`<path d="%s" fill="none" stroke="#1f4e9c" stroke-width="1.2"/>`, path.String())
	}
}

func (p *picture) incident(i RealIncident) {
	if i.Outcome == Outside {
		return
	}
	words := html.EscapeString(fmt.Sprintf("%s, %s: %s", i.Name, clock(i.From), i.Outcome))
	p.add(`<g><title>%s</title><line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#000" stroke-width="1.5"/><rect x="%.1f" y="%d" width="%.1f" height="5"/></g>`,
		words, p.x(i.From), p.x(i.From), frameTop, frameBottom, p.x(i.From), frameTop-6, math.Max(p.x(i.end())-p.x(i.From), 3))
}

func (p *picture) legend() {
	x := frameLeft
	for _, l := range []struct{ colour, words string }{
		{"#1f4e9c", "effect"}, {"#e8eef7", "release in flight"}, {"#9bd39b", "fired: hit"}, {"#f2a3a3", "fired: false alarm"}, {"#f5d08a", "fired: not judged"}, {"#000", "real incident"},
	} {
		p.add(`<rect x="%d" y="%d" width="12" height="12" fill="%s" stroke="#888"/><text x="%d" y="%d">%s</text>`,
			x, frameBottom+34, l.colour, x+17, frameBottom+44, l.words)
		x += 34 + 7*len(l.words)
	}
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
