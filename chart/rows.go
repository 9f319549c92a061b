package chart

import (
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// A Bar is a named number of a row.
type Bar struct {
	Name  string
	Role  Role
	Value float64
}

// A Row is one thing that is compared: bars from 0 on, dots, and a range between two numbers.
type Row struct {
	Name      string
	Label     string // its numbers in words
	Bars      []Bar
	Dots      []Bar
	Low, High float64 // equal: no range
	Bad       bool    // it is beyond its limit
}

// Rows compares numbers of several things on one axis that begins at 0. It draws as [Chart] does.
type Rows struct {
	Title  string
	Rows   []Row
	Format func(float64) string // nil: runbook.Figure
}

const barHeight = 10

// SVG draws the rows: a complete element, as wide as what it stands in.
func (r Rows) SVG() template.HTML {
	p, s := &canvas{}, r.scale()
	x := func(v float64) float64 { return s.share(v) * inset }
	for _, row := range r.Rows {
		p.height += rowHeight + 2
		class := "key"
		if row.Bad {
			class = "key bad"
		}
		label := fit(row.Label, Narrow*0.6)
		p.text("0", p.height-4, class, "start", fit(row.Name, (Narrow-widthOf(label)-2*beside)*bold))
		p.text("100%", p.height-4, "soft", "end", label)
		for _, b := range row.Bars {
			if drawn(b.Value) {
				p.add(`<rect class="bar %s" x="0" y="%s" width="%s" height="%d"/>`, b.Role.class(), px(p.height), pc(x(b.Value)), barHeight-2)
			}
			p.height += barHeight
		}
		if len(row.Dots) > 0 {
			p.height += barHeight
			p.dots(row, x)
		}
	}
	grid, rows := &canvas{}, p.body.String()
	p.height += rowHeight
	p.body.Reset()
	for i, text := range s.labels(r.format()) {
		grid.line("grid", x(s.ticks[i]), 0, x(s.ticks[i]), p.height-rowHeight)
		anchor := "middle"
		if s.ticks[i] == 0 {
			anchor = "start"
		}
		p.text(pc(x(s.ticks[i])), p.height-3, "soft", anchor, text)
	}
	grid.add("%s%s", rows, p.body.String()) // behind the rows
	grid.height = p.height + 4
	return grid.svg("chart", r.Title, r.Words(), "100%", "")
}

// inset keeps the greatest number's label in the picture.
const inset = 0.94

func (c *canvas) dots(row Row, x func(float64) float64) {
	y := c.height - barHeight/2
	if drawn(row.Low) && drawn(row.High) && row.Low < row.High {
		class := "line total"
		if row.Bad {
			class = "line over"
		}
		c.line(class, x(row.Low), y, x(row.High), y)
	}
	for i, d := range row.Dots {
		if drawn(d.Value) {
			c.add(`<circle class="dot %s" cx="%s" cy="%s" r="%d"/>`, d.Role.class(), pc(x(d.Value)), px(y), max(6-2*i, 3))
		}
	}
	c.height += 2
}

// scale begins at 0 and holds every number of the rows.
func (r Rows) scale() scale {
	top := math.Inf(-1)
	for _, row := range r.Rows {
		for _, b := range slices.Concat(row.Bars, row.Dots, []Bar{{Value: row.High}}) {
			if drawn(b.Value) {
				top = max(top, min(b.Value, most))
			}
		}
	}
	if !(top > 0) {
		top = 1
	}
	return scale{high: top, ticks: ticksOf(0, top, 4, r.format())}
}

func (r Rows) format() func(float64) string {
	if r.Format != nil {
		return r.Format
	}
	return runbook.Figure
}

// Words says every row.
func (r Rows) Words() string {
	var out []string
	for _, row := range r.Rows {
		text := clean(row.Name) + ":"
		for _, b := range slices.Concat(row.Bars, row.Dots) {
			if drawn(b.Value) {
				text += " " + clean(b.Name) + " " + r.format()(b.Value) + ","
			}
		}
		if text = strings.TrimRight(text, ",:"); row.Low < row.High {
			text += ", between " + r.format()(row.Low) + " and " + r.format()(row.High)
		}
		if row.Bad {
			text += ", beyond its limit"
		}
		out = append(out, text+".")
	}
	return strings.Join(out, " ")
}
