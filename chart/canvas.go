package chart

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// A canvas collects the elements of a picture. Across they are placed by their share of the
// width, downwards in pixels, so that a picture stretches and its text does not.
type canvas struct {
	body   strings.Builder
	height float64
}

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(&c.body, format+"\n", args...) }

// text writes one row. The anchor is start, middle or end.
func (c *canvas) text(x string, y float64, class, anchor, text string) {
	c.add(`<text x="%s" y="%s" class="%s %s">%s</text>`, x, px(y), class, anchor, escape(text))
}

// stretched opens a frame of the full width, 1000 wide inside.
func (c *canvas) stretched(y, height float64, body string) {
	c.add(`<svg y="%s" width="100%%" height="%s" viewBox="0 0 1000 %s" preserveAspectRatio="none" aria-hidden="true">%s</svg>`,
		px(y), px(height), px(height), body)
}

// line is a straight one: the shares of the width may be equal, or the heights.
func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	c.add(`<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, pc(x1), px(y1), pc(x2), px(y2))
}

// svg is the whole picture. A width of 0 is that of the page.
func (c *canvas) svg(class, title, words, width, style string) template.HTML {
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" class="%s" width="%s" height="%s" role="img">`+"\n", class, width, px(c.height))
	fmt.Fprintf(&out, "<title>%s</title>\n<desc>%s</desc>\n", escape(title), escape(words))
	if style != "" {
		fmt.Fprintf(&out, "<style>%s</style>\n", style)
	}
	out.WriteString(c.body.String())
	out.WriteString("</svg>")
	return template.HTML(out.String()) // every name in it was escaped
}

// px writes pixels with one decimal, and never anything but a number.
func px(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		v = 0
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// pc writes a share of the width.
func pc(share float64) string {
	if !(share >= 0) {
		share = 0
	}
	return strconv.FormatFloat(math.Round(min(share, 1)*1e4)/100, 'f', -1, 64) + "%"
}
