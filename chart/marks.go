package chart

import (
	"cmp"
	"slices"
)

// A label is a mark's name with its place: from left to right in pixels of the narrowest
// picture, in a row above the curves.
type label struct {
	at          float64 // share of the width, where its line is
	until       float64 // of a bracket; else at
	text        string  // empty: its name stands with the mark before it
	row         int
	end         bool // the text ends at its line and does not begin there
	left, right float64
}

const (
	// beside is the room between a line and its label, in pixels.
	beside = 4
	// together is how near marks have one label, in pixels: their lines touch.
	together = 4
)

// labelsOf places the labels of marks so that no two overlap, on the narrowest picture as on a
// wider one: each in the highest row where neither a label nor another mark's line is in the
// way, and otherwise in a row of its own.
func labelsOf(marks []Mark, c clock) []label {
	var out []label
	for _, m := range sorted(marks, c) {
		l := label{at: max(c.share(m.At), 0), text: clean(m.Name)}
		if l.until = l.at; !m.Until.IsZero() {
			l.until = min(max(c.share(m.Until), l.at), 1)
		}
		if n := len(out); n > 0 && joined(out, l) {
			continue
		}
		out = append(out, l)
	}
	for i := range out {
		out[i].text = fit(out[i].text, Narrow-2*beside)
		place(out, i)
	}
	return out
}

// sorted are the marks that can be seen, by time.
func sorted(marks []Mark, c clock) []Mark {
	var out []Mark
	for _, m := range marks {
		last := m.At
		if m.Until.After(last) {
			last = m.Until
		}
		if known(m.At).IsZero() || c.share(last) < 0 || c.share(m.At) > 1 {
			continue
		}
		out = append(out, m)
	}
	slices.SortStableFunc(out, func(a, b Mark) int { return cmp.Or(a.At.Compare(b.At), a.Until.Compare(b.Until)) })
	return out
}

// joined writes the name of a moment to the label of the one before it where both are at the
// same place.
func joined(out []label, l label) bool {
	last := &out[len(out)-1]
	if l.until > l.at || last.until > last.at || (l.at-last.at)*Narrow > together {
		return false
	}
	text := last.text + ", " + l.text
	if widthOf(text) > Narrow/2 {
		return false
	}
	last.text = text
	return true
}

// place finds the place of label i among those before it.
func place(all []label, i int) {
	l := &all[i]
	for _, clear := range []bool{true, false} {
		for row := range i + 1 {
			for _, end := range []bool{false, true} {
				l.put(row, end)
				if l.left >= 0 && l.right <= Narrow && free(all[:i], *l, clear) {
					return
				}
			}
		}
	}
	// Too long for either side of its line: it has a row of its own, and begins at the edge.
	l.put(i, false)
	for _, o := range all[:i] {
		l.row = max(l.row, o.row+1)
	}
	if l.right > Narrow {
		l.left, l.right = Narrow-widthOf(l.text), Narrow
	}
}

func (l *label) put(row int, end bool) {
	x, width := l.at*Narrow, widthOf(l.text)
	l.row, l.end = row, end
	if l.left, l.right = x+beside, x+beside+width; end {
		l.left, l.right = x-beside-width, x-beside
	}
}

// free reports whether a label overlaps none of the others; if clear, neither crosses the
// other's line, which goes from its row down.
func free(others []label, l label, clear bool) bool {
	for _, o := range others {
		if o.row == l.row && l.left < o.right+beside && o.left < l.right+beside {
			return false
		}
		if clear && (o.row < l.row && crosses(o, l) || l.row < o.row && crosses(l, o)) {
			return false
		}
	}
	return true
}

// crosses reports whether the line of one mark goes through the text of another.
func crosses(line, text label) bool {
	x := line.at * Narrow
	return x > text.left-1 && x < text.right+1
}

func rowsOf(labels []label) int {
	rows := 0
	for _, l := range labels {
		rows = max(rows, l.row+1)
	}
	return rows
}
