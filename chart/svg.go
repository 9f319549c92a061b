package chart

import (
	"cmp"
	"html/template"
	"slices"
	"strings"
)

// Heights, in pixels.
const (
	panelHeight = 120
	smallHeight = 64 // of a panel that shows significance alone
	stripHeight = 12
	between     = 10
)

// SVG draws the chart: a complete element, as wide as what it stands in, that needs [Style] and
// nothing else. A page must not set its height.
func (c Chart) SVG() template.HTML {
	p := c.draw()
	return p.svg("chart", c.Title, c.Words(), "100%", "")
}

// File draws the chart as a file of its own, with its style in it.
func (c Chart) File() []byte {
	p := c.draw()
	return []byte(p.svg("chart alone", c.Title, c.Words(), "760", Style) + "\n")
}

func (c Chart) draw() *canvas {
	from, to := c.span()
	t := newClock(from, to, known(c.Zero))
	p, labels := &canvas{}, labelsOf(c.Marks, t)
	for _, row := range wrap(c.Title, Narrow*bold, 3) {
		p.height += rowHeight + 2
		p.text("0", p.height-4, "title", "start", row)
	}
	if text := t.caption(); text != "" {
		p.height += rowHeight
		p.text("0", p.height-4, "soft", "start", text)
	}
	top := 0.0
	for i, panel := range c.Panels {
		p.height += between
		p.heading(panel)
		if i == 0 {
			top = p.height
			p.height += float64(rowsOf(labels)) * rowHeight
		}
		c.panel(p, panel, t, labels)
	}
	c.strips(p, t)
	p.axis(t)
	if len(c.Panels) > 0 {
		p.marks(labels, top)
	}
	return p
}

// heading names a panel and its curves.
func (c *canvas) heading(p Panel) {
	for _, row := range wrap(p.Name, Narrow*bold, 2) {
		c.height += rowHeight
		c.text("0", c.height-4, "name", "start", row)
	}
	x := 0.0
	for i, k := range p.keys() {
		name := fit(k.name, Narrow-24)
		width := 24 + widthOf(name)
		if i == 0 || x+width > Narrow {
			x = 0
			c.height += rowHeight
		}
		y := px(c.height - 8)
		c.add(`<line class="line %s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, k.role, px(x), y, px(x+18), y)
		c.text(px(x+23), c.height-4, "key", "start", name)
		x += width + 10
	}
}

type key struct {
	role Role
	name string
}

// keys are what a panel's curves are called: of one name once.
func (p Panel) keys() []key {
	var out []key
	for _, l := range p.Lines {
		if k := (key{l.Role.class(), cmp.Or(clean(l.Name), string(l.Role.class()))}); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	if drawn(p.Limit) {
		out = append(out, key{Limit, p.limitName()})
	}
	return out
}

func (p Panel) limitName() string {
	return cmp.Or(clean(p.LimitName), "limit "+p.format()(p.Limit))
}

// class is a role that has a style.
func (r Role) class() Role {
	if slices.Contains([]Role{Candidate, Stable, Total, Significance, Limit}, r) {
		return r
	}
	return Total
}

// panel draws the curves, with bands and lines of marks behind them.
func (c Chart) panel(p *canvas, panel Panel, t clock, labels []label) {
	height, s := panel.height(), scaleOf(panel, panel.height())
	top, y := p.height, func(v float64) float64 { return p.height + height*(1-s.share(v)) }
	for _, l := range labels {
		if l.until > l.at {
			p.add(`<rect class="band" x="%s" y="%s" width="%s" height="%s"/>`, pc(l.at), px(top), pc(max(l.until-l.at, 0.002)), px(height))
		}
	}
	for _, v := range s.ticks {
		p.line("grid", 0, y(v), 1, y(v))
	}
	p.line("base", 0, top+height, 1, top+height)
	if drawn(panel.Limit) {
		p.line("line limit", 0, y(panel.Limit), 1, y(panel.Limit))
	}
	var curves strings.Builder
	for _, l := range panel.ordered() {
		if d := path(c.curve(l, t, s), height); d != "" {
			curves.WriteString(`<path class="line ` + string(l.Role.class()) + `" d="` + d + `"/>`)
		}
	}
	if curves.Len() == 0 {
		p.text("50%", top+height/2, "soft", "middle", "no data")
	} else {
		p.stretched(top, height, curves.String())
	}
	for _, l := range labels {
		if l.until == l.at {
			p.line("mark", l.at, top, l.at, top+height)
		}
	}
	for i, text := range s.labels(panel.format()) {
		if text != "" {
			p.text("0", y(s.ticks[i])-3, "tick", "start", text)
		}
	}
	p.height += height
}

func (p Panel) height() float64 {
	for _, l := range p.Lines {
		if l.Role != Significance {
			return panelHeight
		}
	}
	return smallHeight
}

// ordered has what matters most on top of the others.
func (p Panel) ordered() []Line {
	rank := map[Role]int{Limit: 0, Stable: 1, Total: 2, Significance: 3, Candidate: 4}
	out := slices.Clone(p.Lines)
	slices.SortStableFunc(out, func(a, b Line) int { return cmp.Compare(rank[a.Role.class()], rank[b.Role.class()]) })
	return out
}

// strips draws when something was so.
func (c Chart) strips(p *canvas, t clock) {
	for _, l := range c.Strips {
		p.height += rowHeight + 6
		p.text("0", p.height-4, "key", "start", fit(l.Name, Narrow))
		for _, s := range l.Spans {
			from, to := t.share(s.At), 1.0
			if !s.Until.IsZero() {
				to = t.share(s.Until)
			}
			if to < 0 || from > 1 || known(s.At).IsZero() {
				continue
			}
			from, to = max(from, 0), min(to, 1)
			width := max(to-from, 0.006)
			p.add(`<rect class="span %s" x="%s" y="%s" width="%s" height="%d"><title>%s</title></rect>`,
				s.Tone.class(), pc(min(from, 1-width)), px(p.height), pc(width), stripHeight, escape(s.Name))
		}
		p.height += stripHeight
		p.line("grid", 0, p.height, 1, p.height)
	}
}

func (t Tone) class() Tone {
	if slices.Contains([]Tone{Good, Bad, Warn}, t) {
		return t
	}
	return Plain
}

// axis writes the moments under all panels.
func (c *canvas) axis(t clock) {
	c.height += rowHeight + 2
	free := 0.0 // from here on, in pixels of the narrowest picture
	for _, at := range t.ticks() {
		x, text := t.share(at)*Narrow, t.label(at)
		anchor, width := "middle", widthOf(text)
		switch {
		case x < width/2:
			anchor, x = "start", 0
		case x > Narrow-width/2:
			anchor, x = "end", Narrow
		}
		left := map[string]float64{"start": x, "middle": x - width/2, "end": x - width}[anchor]
		if left < free {
			continue
		}
		c.text(pc(x/Narrow), c.height-3, "soft", anchor, text)
		free = left + width + 2*beside
	}
	c.height += 4
}

// marks writes the labels between the heading of the first panel and its curves.
func (c *canvas) marks(labels []label, top float64) {
	rows := float64(rowsOf(labels))
	for _, l := range labels {
		y := top + float64(l.row)*rowHeight
		c.line("mark", l.at, y+2, l.at, top+rows*rowHeight)
		x, anchor, shift := pc(l.at), "start", beside
		switch {
		case l.end:
			anchor, shift = "end", -beside
		case l.at*Narrow+beside > l.left+0.01: // pushed to the left by the edge
			x, anchor, shift = "100%", "end", 0
		}
		c.add(`<text x="%s" y="%s" dx="%d" class="label %s">%s</text>`, x, px(y+12), shift, anchor, escape(l.text))
	}
}
