package analysis

// A total is the running total of a series of one value for each interval. It remembers
// what it was for as many intervals as it was made for, so that windows up to that length
// are differences; its memory is bounded whatever its age.
type total struct {
	sum  float64
	base float64   // the sum when it began to remember
	seen int       // how many values were added since then
	keep int       // the longest window, in intervals
	past []float64 // a ring of the sums before each of the newest values
}

func newTotal(longest int) total { return total{keep: longest} }

func (t *total) add(v float64) {
	switch {
	case t.keep == 0:
	case len(t.past) < t.keep:
		t.past = append(t.room(), t.sum)
	default:
		t.past[t.seen%t.keep] = t.sum
	}
	t.sum += v
	t.seen++
}

// room is the ring with room for one more: twice as much each time, and never more than
// it will hold.
func (t *total) room() []float64 {
	if len(t.past) < cap(t.past) {
		return t.past
	}
	return append(make([]float64, 0, min(t.keep, 2*len(t.past)+4)), t.past...)
}

// since is the window that reaches back to where the total began.
const since = -1

// last is the sum of the newest n values, or of all that are remembered if that is less;
// with since, of all there ever were.
func (t *total) last(n int) float64 {
	switch {
	case n == since:
		return t.sum
	case n >= t.seen:
		return t.sum - t.base
	}
	if n = min(n, t.keep); n == 0 {
		return 0
	}
	return t.sum - t.past[(t.seen-n)%t.keep]
}

// forget drops what windows need: they are empty from here on, and the sum stays.
func (t *total) forget() { t.past, t.seen, t.base = nil, 0, t.sum }
