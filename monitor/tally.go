package monitor

import (
	"slices"
	"strings"

	"github.com/autorollback/autorollback/analysis"
)

// A tally is what one pod did in one interval, for one measure.
type tally struct {
	known       bool // of opportunities or the histogram
	grown, born grown
	squares     float64
	ladder      []float64 // cumulative, by bound
	native      []analysis.Bucket
}

// grown is by how much opportunities and events grew: of the whole pod, and of each part by
// its index in measure.names.
type grown struct {
	whole analysis.PartCount
	parts []analysis.PartCount
}

func (g *grown) reset(parts int) {
	g.whole = analysis.PartCount{}
	if len(g.parts) < parts {
		g.parts = make([]analysis.PartCount, parts)
	}
	clear(g.parts)
}

func (g *grown) add(u use, v float64) {
	of := &g.whole
	if u.at != whole {
		of = &g.parts[u.at]
	}
	if u.kind == opportunities {
		of.All += v
	} else {
		of.Bad += v
	}
}

// reset makes the tally ready for another pod.
func (t *tally) reset(m *measure) {
	t.known, t.squares, t.native = false, 0, nil
	t.grown.reset(len(m.names))
	t.born.reset(len(m.names))
	if n := len(m.Bounds) + 1; m.Histogram != nil && !m.Native && len(t.ladder) != n {
		t.ladder = make([]float64, n)
	}
	clear(t.ladder)
}

func (t *tally) add(u use, grew float64) {
	switch u.kind {
	case opportunities, events:
		t.known = t.known || u.kind == opportunities
		t.grown.add(u, grew)
	case squares:
		t.squares += grew
	case bucket:
		t.known = true
		t.ladder[u.at] += grew
	}
}

// bear adds what a series that has just appeared counted from zero.
func (t *tally) bear(u use, grew float64) {
	t.add(u, grew)
	if u.kind <= events {
		t.born.add(u, grew)
	}
}

// count makes a PodCount of what is known. The pod's name is not among it.
func (t *tally) count(m *measure) analysis.PodCount {
	all := t.grown.whole
	switch {
	case m.Histogram != nil && m.Native:
		return analysis.PodCount{Native: t.native}
	case m.Histogram != nil:
		return analysis.PodCount{Buckets: bucketsOf(t.ladder, make([]float64, 0, len(t.ladder)))}
	case m.Part != "":
		return t.partCounts(m)
	case isMean(m.Measure):
		return analysis.PodCount{All: all.All, Bad: all.Bad, Squares: t.squares, Born: t.born.whole}
	}
	all, born := bounded(all, t.born.whole)
	return analysis.PodCount{All: all.All, Bad: all.Bad, Born: born}
}

// bounded has no more events than opportunities, and no more births than events.
func bounded(grown, born analysis.PartCount) (all, among analysis.PartCount) {
	grown.Bad = min(grown.Bad, grown.All)
	born.Bad = min(born.Bad, grown.Bad)
	return grown, born
}

func (t *tally) partCounts(m *measure) analysis.PodCount {
	out := analysis.PodCount{Parts: make([]analysis.PartCount, m.known)}
	for i, at := range m.place {
		part, born := t.grown.parts[i], t.born.parts[i]
		if m.SharedAll {
			part.All = t.grown.whole.All
		}
		if at == unplaced {
			continue
		}
		out.Parts[at], born = bounded(part, born)
		if born == (analysis.PartCount{}) {
			continue
		}
		if out.BornParts == nil {
			out.BornParts = make([]analysis.PartCount, m.known)
		}
		out.BornParts[at] = born
	}
	return out
}

// mostParts bounds the parts of a measure; those met after that many are not counted.
const mostParts = 1000

// unplaced is the place of a part of which no interval has counted a sample yet.
const unplaced = -1

// partOf is the index of a part in names. False if there are too many.
func (m *measure) partOf(value string) (int, bool) {
	if at, ok := m.parts[value]; ok {
		return at, true
	}
	if len(m.names) == mostParts {
		return 0, false
	}
	value = strings.Clone(value)
	m.parts[value] = len(m.names)
	m.names, m.place = append(m.names, value), append(m.place, unplaced)
	return len(m.names) - 1, true
}

// settle gives a place to the parts that have a sample up to now for the first time: those
// of one interval by name, after those of earlier ones. So a place never changes, and does
// not depend on the order in which samples were added.
func (m *measure) settle(seen []int) {
	slices.SortFunc(seen, func(a, b int) int { return strings.Compare(m.names[a], m.names[b]) })
	for _, at := range seen {
		if m.place[at] == unplaced {
			m.place[at] = m.known
			m.known++
		}
	}
}
