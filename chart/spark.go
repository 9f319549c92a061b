package chart

import (
	"html/template"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// The size of a small curve, in pixels.
const sparkWidth, sparkHeight = 100, 24

// Spark is a curve of 100 × 24 pixels with its limit, for a card or a table. NaN is no limit.
// The card says the value in words.
func Spark(l Line, limit float64) template.HTML {
	p := Panel{Lines: []Line{l}, Limit: limit}
	c := Chart{Panels: []Panel{p}}
	from, to := c.span()
	t, s := newClock(from, to, from), scaleOf(p, sparkHeight)
	out := &canvas{height: sparkHeight}
	if drawn(limit) {
		y := sparkHeight * (1 - s.share(limit))
		out.add(`<line class="line limit" x1="0" y1="%s" x2="%d" y2="%s"/>`, px(y), sparkWidth, px(y))
	}
	if d := path(c.curve(l, t, s), sparkHeight); d != "" {
		out.stretched(0, sparkHeight, `<path class="line `+string(l.Role.class())+`" d="`+d+`"/>`)
	}
	words := strings.TrimSuffix(p.lineWords(l, t), ".")
	if drawn(limit) {
		words += "; limit " + runbook.Figure(limit)
	}
	return out.svg("spark", clean(l.Name), words, px(sparkWidth), "")
}
