package analysis

import (
	"github.com/autorollback/autorollback/runbook"
)

// sum is what a side did over the trigger's window. All of it models what the alert's own
// PromQL says, which sees one growth less than there are samples in a window, and no births.
func (t *Test) sum(role runbook.Role, of func(*pod) *total) float64 {
	sum := 0.0
	for _, p := range t.pods {
		if p.role == role {
			sum += of(p).last(t.gate)
		}
	}
	return sum
}

// bothSides are the sums of candidate and stable.
func (t *Test) bothSides(of func(*pod) *total) [2]float64 {
	return [2]float64{t.sum(runbook.Candidate, of), t.sum(runbook.Stable, of)}
}

// share is a side's events, or values, per opportunity over the window.
func (t *Test) share(role runbook.Role) float64 {
	return t.visible(0, role, t.sum(role, opportunities), t.sum(role, eventsOf))
}

// births are what series of one side counted from zero when they appeared. An event counts
// from the first one on, so it does for significance. The gate is PromQL's rate(), to which
// the first sample of a series is only where growth begins: it sees the series from the
// second sample on, and what the first one held never. So the effect leaves births out
// while they lie in its window.
//
// A series that comes back after longer than the window is new to the gate as well; of that
// one the effect counts what it grew meanwhile.
type births []birth

type birth struct {
	interval int
	PartCount
}

// add notes what was born in an interval, and forgets what lies before the window.
func (b *births) add(interval, window int, born PartCount) {
	for len(*b) > 0 && (*b)[0].interval <= interval-window {
		*b = (*b)[1:]
	}
	if n := len(*b); n > 0 && (*b)[n-1].interval == interval {
		(*b)[n-1].All += born.All
		(*b)[n-1].Bad += born.Bad
		return
	}
	*b = append(*b, birth{interval, born})
}

// last is what was born in the newest intervals.
func (b births) last(interval, window int) (born PartCount) {
	for _, x := range b {
		if x.interval > interval-window {
			born.All += x.All
			born.Bad += x.Bad
		}
	}
	return born
}

// noteBirths keeps what a pod's series counted from zero.
func (t *Test) noteBirths(c *PodCount) {
	t.noteBirth(0, c.Role, c.Born)
	for part, born := range c.BornParts {
		t.noteBirth(part, c.Role, born)
	}
}

func (t *Test) noteBirth(part int, role runbook.Role, born PartCount) {
	if born == (PartCount{}) {
		return
	}
	for len(t.born) <= part {
		t.born = append(t.born, [2]births{})
	}
	t.born[part][index(role)].add(t.n, t.gate, born)
}

// visible is the share of events that the gate sees in its window, of one part of what is
// counted in parts and else of part 0.
func (t *Test) visible(part int, role runbook.Role, all, bad float64) float64 {
	if part < len(t.born) {
		born := t.born[part][index(role)].last(t.n, t.gate)
		all, bad = all-born.All, bad-born.Bad
	}
	return bad / all
}
