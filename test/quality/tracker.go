package quality

import (
	"math"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// patience is for how many intervals a pod's newest sample stands for it.
const patience = 4

// settled is for how many intervals a weight must have stood still.
const settled = 6

// Growth is by how much a pod's counters were seen to grow in one interval.
type Growth struct {
	Pod  string
	Role runbook.Role
	By   Reading // histograms: each bucket alone, not cumulative
}

// A Pace is how many requests a pod got in an interval, by its last two scrapes.
type Pace struct {
	Pod      string
	Role     runbook.Role
	Requests float64
}

// A Frame is one evaluation as the judges see it.
type Frame struct {
	Now     time.Duration
	Judged  bool
	Percent float64
	Steady  bool // the weight stood still, and every pod was seen, long enough to hold the traffic to it
	Pods    []Growth
	Paces   []Pace
	Past    *Past
}

// A tracker turns scrapes into growth: the newest sample against the newest of one
// interval ago, lost scrapes bridged; a reset counts as nothing, and a series that is new
// or was long away skips its first interval.
type tracker struct {
	shape   Shape
	seen    map[string]*seen
	order   []*seen
	weights []float64
	frame   Frame
}

type seen struct {
	pod        string
	role       runbook.Role
	at, before time.Duration // of the last two scrapes
	scrapes    int
	grew       float64 // requests in between
	last       Reading
	by         Reading
}

func newTracker(s Shape) *tracker {
	return &tracker{shape: s, seen: map[string]*seen{}, frame: Frame{Past: newPast(s)}}
}

// take returns the frame of the tick; it is the caller's until the next one.
func (t *tracker) take(tick Tick) Frame {
	f := &t.frame
	f.Now, f.Judged, f.Percent, f.Steady = tick.Now, tick.Judged, tick.Percent, t.steady(tick)
	f.Pods = f.Pods[:0]
	for _, s := range tick.Scrapes {
		key := string(s.Role) + s.Pod
		old, known := t.seen[key]
		if !known {
			old = &seen{pod: s.Pod, role: s.Role, last: make(Reading, t.shape.size()), by: make(Reading, t.shape.size())}
			t.seen[key] = old
			t.order = append(t.order, old)
		}
		if known && old.at > tick.Now-(patience+1)*t.shape.Interval {
			t.grow(old, s.Reading)
			f.Pods = append(f.Pods, Growth{Pod: s.Pod, Role: s.Role, By: old.by})
		}
		old.before, old.at, old.scrapes = old.at, s.At, old.scrapes+1
		old.grew = s.Reading[atGood] + s.Reading[atFailed]
		if before := old.last[atGood] + old.last[atFailed]; old.grew >= before {
			old.grew -= before
		}
		copy(old.last, s.Reading)
	}
	if !t.pace(f) {
		f.Steady = false
	}
	f.Past.add(*f)
	return *f
}

// gone is how long a pod is missed before it is taken for gone.
const gone = 10 * time.Minute

// pace fills in the paces, and reports whether each pod has one that was seen lately, or
// none of the candidate's has.
func (t *tracker) pace(f *Frame) bool {
	all, some := true, false
	f.Paces = f.Paces[:0]
	for _, s := range t.order {
		switch oldest := f.Now - patience*t.shape.Interval; {
		case f.Now-s.at >= gone:
		case s.scrapes < 2 || s.before <= oldest:
			all = false
		default:
			some = some || s.role == runbook.Candidate
			f.Paces = append(f.Paces, Pace{s.pod, s.role, s.grew * float64(t.shape.Interval) / float64(s.at-s.before)})
		}
	}
	return all || !some
}

func (t *tracker) grow(old *seen, now Reading) {
	for i, v := range now {
		old.by[i] = math.Max(v-old.last[i], 0)
	}
	for _, h := range [][2]int{{t.shape.latency(), buckets(t.shape.Latency)}, {t.shape.score(), buckets(t.shape.Score)}} {
		alone(old.by[h[0] : h[0]+h[1]])
	}
}

// alone makes cumulative buckets single ones.
func alone(buckets []float64) {
	for i := len(buckets) - 1; i > 0; i-- {
		buckets[i] = math.Max(buckets[i]-buckets[i-1], 0)
	}
}

// steady reports whether the weight stood still over the last intervals. The daemon's own
// record tells it, even of intervals in which the daemon was silent.
func (t *tracker) steady(tick Tick) bool {
	t.weights = append(t.weights, tick.Percent)
	if len(t.weights) > settled {
		t.weights = t.weights[1:]
	}
	last := math.NaN()
	for _, w := range t.weights {
		if !math.IsNaN(last) && !math.IsNaN(w) && w != last {
			return false
		}
		if !math.IsNaN(w) {
			last = w
		}
	}
	return !math.IsNaN(tick.Percent)
}
