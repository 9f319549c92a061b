package chart

import (
	"fmt"
	"html/template"
	"strings"
)

// Shades is how many shades a tile may have, from 0 to Shades-1. A shade below 0 is one of which
// nothing is known.
const Shades = 6

// A Tile is one cell of a map of shades.
type Tile struct {
	Column int
	Shade  int
	Marked bool   // it has a frame
	Name   string // what it is, in words
}

// A HeatRow is one row of a map.
type HeatRow struct {
	Name  string
	Tiles []Tile
}

// A Heat is a map of shades: rows of tiles in columns.
type Heat struct {
	Title   string
	Columns []string
	Rows    []HeatRow
}

const tileHeight = 18

// SVG draws the map: a complete element, as wide as what it stands in.
func (h Heat) SVG() template.HTML {
	p := &canvas{height: rowHeight}
	columns := max(len(h.Columns), 1)
	free := 0.0
	for i, name := range h.Columns {
		if left := float64(i) / float64(columns) * Narrow; left >= free {
			p.text(pc(left/Narrow), p.height-4, "soft", "start", name)
			free = left + widthOf(name) + beside
		}
	}
	for _, row := range h.Rows {
		p.height += rowHeight
		p.text("0", p.height-4, "key", "start", fit(row.Name, Narrow))
		for _, marked := range []bool{false, true} { // frames above their neighbours
			for _, t := range row.Tiles {
				if t.Marked == marked && t.Column >= 0 && t.Column < columns {
					p.tile(t, columns)
				}
			}
		}
		p.height += tileHeight + 2
	}
	p.height += 4
	return p.svg("chart", h.Title, h.Words(), "100%", "")
}

func (c *canvas) tile(t Tile, columns int) {
	class := fmt.Sprintf("h%d", min(t.Shade, Shades-1))
	if t.Shade < 0 {
		class = "hn"
	}
	if t.Marked {
		class += " framed"
	}
	c.add(`<rect class="tile %s" x="%s" y="%s" width="%s" height="%d"><title>%s</title></rect>`,
		class, pc(float64(t.Column)/float64(columns)), px(c.height), pc(1/float64(columns)), tileHeight, escape(t.Name))
}

// mostTold is how many tiles the words name.
const mostTold = 40

// Words names the tiles with a frame; without any, it says so.
func (h Heat) Words() string {
	var out []string
	tiles := 0
	for _, row := range h.Rows {
		tiles += len(row.Tiles)
		for _, t := range row.Tiles {
			if t.Marked {
				out = append(out, clean(t.Name))
			}
		}
	}
	text := fmt.Sprintf("%d rows, %d tiles.", len(h.Rows), tiles)
	switch n := len(out); {
	case n == 0:
		return text + " None is marked."
	case n > mostTold:
		return text + fmt.Sprintf(" %d are marked, among them: ", n) + strings.Join(out[:mostTold], "; ") + "."
	}
	return text + " Marked: " + strings.Join(out, "; ") + "."
}
