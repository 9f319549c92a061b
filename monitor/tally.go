package monitor

import (
	"github.com/autorollback/autorollback/analysis"
)

// A tally is the growth of one pod in one interval, for one measure.
type tally struct {
	known             bool // of opportunities or the histogram
	all, bad, squares float64
	ladder            []float64 // cumulative, by bound
	native            []analysis.Bucket
	parts             []analysis.PartCount // by index in measure.names
}

// reset makes the tally ready for another pod.
func (t *tally) reset(m *measure) {
	ladder, parts := t.ladder, t.parts
	if n := len(m.Bounds) + 1; m.Histogram != nil && !m.Native && len(ladder) != n {
		ladder = make([]float64, n)
	}
	if n := len(m.names); len(parts) < n {
		parts = make([]analysis.PartCount, n)
	}
	clear(ladder)
	clear(parts)
	*t = tally{ladder: ladder, parts: parts}
}

func (t *tally) add(u use, grew float64) {
	switch u.kind {
	case opportunities:
		t.known = true
		if u.at == whole {
			t.all += grew
		} else {
			t.parts[u.at].All += grew
		}
	case events:
		if u.at == whole {
			t.bad += grew
		} else {
			t.parts[u.at].Bad += grew
		}
	case squares:
		t.squares += grew
	case bucket:
		t.known = true
		t.ladder[u.at] += grew
	}
}

// count makes a PodCount of what is known. The pod's name is not among it.
func (t *tally) count(m *measure) analysis.PodCount {
	switch {
	case m.Histogram != nil && m.Native:
		return analysis.PodCount{Native: t.native}
	case m.Histogram != nil:
		return analysis.PodCount{Buckets: bucketsOf(t.ladder, make([]float64, 0, len(t.ladder)))}
	case m.Part != "":
		return analysis.PodCount{Parts: t.partCounts(m)}
	case isMean(m.Measure):
		return analysis.PodCount{All: t.all, Bad: t.bad, Squares: t.squares}
	}
	return analysis.PodCount{All: t.all, Bad: min(t.bad, t.all)}
}

func (t *tally) partCounts(m *measure) []analysis.PartCount {
	out := make([]analysis.PartCount, m.known)
	for i, part := range t.parts[:len(m.names)] {
		if m.SharedAll {
			part.All = t.all
		}
		if at := m.place[i]; at != unplaced {
			out[at] = analysis.PartCount{All: part.All, Bad: min(part.Bad, part.All)}
		}
	}
	return out
}
