package chart

import (
	"slices"
	"strings"
	"time"
)

// Words is the chart for who does not see it: of each curve the first value, the last and the
// greatest, when it was past its limit, and the marks in their order.
func (c Chart) Words() string {
	from, to := c.span()
	t := newClock(from, to, known(c.Zero))
	var out []string
	for _, p := range c.Panels {
		out = append(out, p.words(t))
	}
	for _, l := range c.Strips {
		if text := l.words(t); text != "" {
			out = append(out, text)
		}
	}
	var marks []string
	for _, m := range sorted(c.Marks, t) {
		text := clean(m.Name) + " " + t.moment(m.At)
		if m.Until.After(m.At) {
			text = clean(m.Name) + " between " + t.moment(m.At) + " and " + t.moment(m.Until)
		}
		marks = append(marks, text)
	}
	if len(marks) > 0 {
		out = append(out, "Marks: "+strings.Join(marks, "; ")+".")
	}
	if caption := t.caption(); caption != "" {
		out = append(out, "Times are of "+caption+".")
	}
	return strings.Join(out, " ")
}

func (p Panel) words(t clock) string {
	var of []string
	for _, l := range p.joined() {
		if l.Role != Limit {
			of = append(of, p.lineWords(l, t))
		}
	}
	if len(of) == 0 {
		of = []string{"no data"}
	}
	if drawn(p.Limit) {
		of = append(of, p.limitName())
	}
	text := strings.Join(of, "; ") + "."
	if name := strings.TrimRight(clean(p.Name), ".: "); name != "" { // else the chart's title says it
		text = name + ": " + text
	}
	return text
}

// joined are the curves, those of one name as one.
func (p Panel) joined() []Line {
	var out []Line
	for _, l := range p.Lines {
		i := slices.IndexFunc(out, func(o Line) bool { return o.Name == l.Name && o.Role == l.Role })
		if i < 0 {
			out = append(out, l)
			continue
		}
		out[i].Points = slices.Concat(out[i].Points, l.Points)
	}
	return out
}

// A summary is what is told of a curve.
type summary struct {
	n                    int
	first, last, extreme Point
	past                 int
	since, until         time.Time // first and last moment past the limit
}

func (p Panel) lineWords(l Line, t clock) string {
	s, say := p.summary(l, t), p.format()
	name := clean(l.Name)
	if name == "" {
		name = string(l.Role.class())
	}
	if s.n == 0 {
		return name + ": no data"
	}
	at := func(x Point) string { return say(x.Value) + " at " + t.moment(x.At) }
	extreme := "greatest "
	if p.Floor {
		extreme = "least "
	}
	text := name + " " + at(s.first) + ", " + at(s.last) + ", " + extreme + at(s.extreme)
	past := ", past the limit "
	if l.Role == Significance {
		past = ", proved "
	}
	switch {
	case s.past > 0 && s.since.Equal(s.until):
		text += past + "at " + t.moment(s.since)
	case s.past > 0:
		text += past + "from " + t.moment(s.since) + " to " + t.moment(s.until)
	case l.Role == Candidate && p.limited():
		text += ", never past the limit"
	}
	return text
}

func (p Panel) limited() bool { return drawn(p.Limit) || p.moving() != nil }

// moving is the limit that moves; nil: there is none.
func (p Panel) moving() map[int64]float64 {
	var out map[int64]float64
	for _, l := range p.Lines {
		if l.Role != Limit {
			continue
		}
		if out == nil {
			out = map[int64]float64{}
		}
		for _, x := range l.Points {
			out[x.At.UnixNano()] = x.Value
		}
	}
	return out
}

func (p Panel) summary(l Line, t clock) summary {
	var s summary
	moving := p.moving()
	for _, x := range l.Points {
		if share := t.share(x.At); !drawn(x.Value) || share < 0 || share > 1 {
			continue
		}
		s.take(x, p.Floor)
		if l.Role == Stable {
			continue
		}
		if limit, ok := moving[x.At.UnixNano()]; p.past(x.Value, p.Limit) || ok && p.past(x.Value, limit) {
			s.beyond(x.At)
		}
	}
	return s
}

func (p Panel) past(v, limit float64) bool {
	if !drawn(limit) {
		return false
	}
	if p.Floor {
		return v < limit
	}
	return v > limit
}

func (s *summary) take(x Point, floor bool) {
	if s.n++; s.n == 1 {
		s.first, s.last, s.extreme = x, x, x
		return
	}
	if x.At.Before(s.first.At) {
		s.first = x
	}
	if !x.At.Before(s.last.At) {
		s.last = x
	}
	if more := x.Value > s.extreme.Value; more && !floor || x.Value < s.extreme.Value && floor {
		s.extreme = x
	}
}

func (s *summary) beyond(at time.Time) {
	if s.past++; s.past == 1 || at.Before(s.since) {
		s.since = at
	}
	if at.After(s.until) {
		s.until = at
	}
}

func (l Strip) words(t clock) string {
	var of []string
	for _, s := range l.Spans {
		text := clean(s.Name) + " from " + t.moment(s.At)
		if !s.Until.IsZero() {
			text += " to " + t.moment(s.Until)
		}
		of = append(of, text)
		if len(of) == 20 && len(l.Spans) > 20 {
			of = append(of, "and more")
			break
		}
	}
	if len(of) == 0 {
		return ""
	}
	return clean(l.Name) + ": " + strings.Join(of, "; ") + "."
}
