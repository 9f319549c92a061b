package quality

import (
	"time"
)

// flagger decides as Flagger does (fluxcd/flagger at 15bd6ad): a look at every minute
// on the last minute; any check that fails, or has no values, counts; the count is never
// reset, and at five the release is rolled back. The KPI is asked over its own window.
type flagger struct {
	checks []check
	failed int
}

const (
	flaggerEvery     = time.Minute
	flaggerThreshold = 5
)

// Observe implements [Judge].
func (j *flagger) Observe(f Frame) []string {
	if f.Now < warmup || f.Now%flaggerEvery != 0 {
		return nil
	}
	name := failing(f, j.checks, flaggerEvery, true)
	if name == "" {
		return nil
	}
	if j.failed++; j.failed < flaggerThreshold {
		return nil
	}
	return []string{name}
}

// failing is the first check that fails over the window, or has no data and that
// counts as well. The KPI and distributions keep a longer window of their own.
func failing(f Frame, checks []check, window time.Duration, noData bool) string {
	short := f.Past.over(window, 0)
	for _, c := range checks {
		l := short
		if c.span > 5*time.Minute {
			if f.Now < c.span {
				continue
			}
			l = f.Past.over(c.span, 0)
		}
		if v := c.value(l); c.bad(v) || noData && v != v {
			return c.name
		}
	}
	return ""
}

// argo decides as Argo Rollouts' analysis does (9f8d111), with its documented example: a
// measurement every five minutes, and more than three failed ones of one metric, ever,
// end the release.
type argo struct {
	checks []check
	failed []int
}

const (
	argoEvery = 5 * time.Minute
	argoLimit = 3
)

func newArgo(checks []check) *argo { return &argo{checks, make([]int, len(checks))} }

// Observe implements [Judge].
func (j *argo) Observe(f Frame) []string {
	if f.Now%argoEvery != 0 {
		return nil
	}
	var out []string
	for i, c := range j.checks {
		if failing(f, j.checks[i:i+1], argoEvery, false) == "" {
			continue
		}
		if j.failed[i]++; j.failed[i] > argoLimit {
			out = append(out, c.name)
		}
	}
	return out
}

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
