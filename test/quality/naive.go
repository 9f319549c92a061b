package quality

import "time"

// naive is the runbook taken at its word: each number over two minutes, true at every
// evaluation for the trigger's time; the KPI over its window with a test at 5 %; a
// distribution over its window.
type naive struct {
	shape  Shape
	checks []check
	since  []time.Duration // how long each has been true
}

func newNaive(s Shape, checks []check) *naive {
	return &naive{s, checks, make([]time.Duration, len(checks))}
}

// Observe implements [Judge].
func (j *naive) Observe(f Frame) []string {
	if f.Now < warmup {
		return nil
	}
	var out []string
	short := f.Past.over(2*time.Minute, 0)
	for i, c := range j.checks {
		l, whole := short, c.kpi || c.span > 15*time.Minute
		if whole {
			if f.Now < c.span {
				continue
			}
			l = f.Past.over(c.span, 0)
		}
		if !c.bad(c.value(l)) || c.kpi && !worseThanChance(l) {
			j.since[i] = 0
			continue
		}
		if j.since[i] += j.shape.Interval; whole || j.since[i] > c.span {
			out = append(out, c.name)
		}
	}
	return out
}
