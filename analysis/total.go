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
		t.past = append(t.past, t.sum)
	default:
		t.past[t.seen%t.keep] = t.sum
	}
	t.sum += v
	t.seen++
}

// last is the sum of the newest n values, or of all there are; of those forgotten as well
// if n is since.
// A window longer than what is remembered is cut to that.
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

// since is the window that reaches back to where the total began.
const since = -1

// forget drops what windows need: they are empty from here on, and the sum stays.
func (t *total) forget() { t.past, t.seen, t.base = nil, 0, t.sum }
