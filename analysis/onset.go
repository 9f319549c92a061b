package analysis

import "math"

// An Onset is in which interval harm began, as how many intervals ago: 0 is the newest.
type Onset struct {
	Likely int // the most likely one
	// First and Last are the earliest and the latest that the counts leave possible, First >= Likely >= Last.
	First, Last int
	// Part is how much of the likely interval had harm, as far as one interval can tell that, else 1. It
	// is above 1 where some of the interval before had harm too.
	Part float64
	// Whole says that Likely is the first interval that is remembered, and Open that First is: harm
	// may have been there before.
	Whole, Open bool
}

// onsetFall is how far the log likelihood may fall below its maximum within the bracket. Where
// the odds are known before and after, an interval d away from the true one beats that by c with
// a probability of at most exp(-c), whatever d is, on either side of it (Ville's inequality for a
// likelihood ratio; its limit for small changes in Siegmund, Confidence sets in change-point
// problems, 1988). So the bracket holds the true one with at least (1-exp(-c))², 95 % with 3.7.
const onsetFall = 3.7

// Onset estimates when harm began: the change point of greatest likelihood (Hinkley, Inference
// about the change-point in a sequence of random variables, 1970). Of harm with the odds θ
// since interval k the log likelihood, less that of none, is
//
//	L(k, θ) = 1/φ Σ llr(j, θ), j = k…now
//
// of the log likelihood ratios that the significance adds up, φ the dispersion that divides them.
// The estimate is the k of the greatest L(k) = max over θ, and the bracket reaches to where L(k)
// is lower by [onsetFall]. It looks back on as many intervals as the longest trailing window has.
// False where nothing speaks for harm.
func (t *Test) Onset() (o Onset, ok bool) {
	if t.began == 0 {
		return o, false
	}
	phi, longest := t.phi(), min(t.n-t.began+1, t.windows[1])
	since := make([]float64, longest) // L by intervals ago
	most := math.Inf(-1)
	for ago := range since {
		since[ago] = t.greatestRatio(ago+1) / phi
		if since[ago] > most {
			most, o.Likely = since[ago], ago
		}
	}
	if !(most > 0) {
		return o, false
	}
	o.First, o.Last = o.Likely, o.Likely
	for ago, v := range since {
		if v >= most-onsetFall {
			o.First, o.Last = max(o.First, ago), min(o.Last, ago)
		}
	}
	o.Whole, o.Open = o.Likely == longest-1, o.First == longest-1
	o.Part = 1
	return o, true
}

// greatestRatio is the log likelihood ratio of the odds that fit the newest intervals best.
func (t *Test) greatestRatio(intervals int) float64 {
	most := math.NaN()
	for i := range t.ratios {
		most = greatest(most, t.ratios[i].last(intervals))
	}
	return most
}

// Onset is [Test.Onset] of the trigger of that name.
func (r *Release) Onset(trigger string) (Onset, bool) {
	for _, t := range r.tests {
		if t.trigger.Name == trigger {
			return t.Onset()
		}
	}
	return Onset{}, false
}
