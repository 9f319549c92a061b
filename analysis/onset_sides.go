package analysis

import (
	"math"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Sharpen looks within the bracket of an onset at what the significance does not use: requests of the
// candidate to which nothing happened. Where harm is rare events, a stray one before it says little to
// the significance, and the many good answers after that one say that harm had not begun. With the
// candidate's N requests and X events since interval k, n and x of those before it in the bracket, and
// stable's share q,
//
//	L(k) = X ln p + (N-X) ln(1-p) + x ln q + (n-x) ln(1-q), p = X/N
//
// and the bracket is what both leave. Of a KPI an event is a trial without success. What is no share of
// the candidate's requests stays as it is.
func (l *Losses) Sharpen(t runbook.Trigger, o Onset, phi float64) Onset {
	x := l.counts(t)
	if x == nil || o.First >= x.remembered() {
		return o
	}
	limit := x.slowFrom(0, o.First+1, l.hour)
	rows, stable := make([]shares, o.First+1), x.bads(x.over(0, o.First+1+l.hour, limit), 1)
	for ago := range rows {
		rows[ago] = x.bads(x.row(ago, limit), 0)
	}
	likely := sharpest(rows, (stable.bad+0.5)/(stable.n+1), o.Last)
	if likely == nil {
		return o
	}
	out, most := o, math.Inf(-1)
	for i, v := range likely {
		if v > most {
			most, out.Likely = v, o.Last+i
		}
	}
	out.First, out.Last = out.Likely, out.Likely
	for i, v := range likely {
		if v >= most-onsetFall*max(1, phi) {
			out.First, out.Last = max(out.First, o.Last+i), min(out.Last, o.Last+i)
		}
	}
	out.Open, out.Whole = o.Open && out.First == o.First, o.Whole && out.Likely == o.First
	out.begin(rows)
	return out
}

// counts is the loss that a comparative trigger counts, if that is a share of requests or trials.
func (l *Losses) counts(t runbook.Trigger) *loss {
	for _, x := range l.all {
		if x.measure == MeasureOf(t) && x.Kind != record.Value && x.Kind != record.Nulls {
			return x
		}
	}
	return nil
}

// bads are the opportunities of a side, and those that were bad.
func (l *loss) bads(s sides, side int) shares {
	if l.fewer {
		return shares{s.all[side], s.all[side] - s.bad[side]}
	}
	return shares{s.all[side], s.bad[side]}
}

// sharpest is the log likelihood of harm since each interval, from last ago to the oldest, beside a
// healthy share of q; nil where there is none.
func sharpest(rows []shares, q float64, last int) []float64 {
	if !(q > 0) || !(q < 1) {
		return nil
	}
	all, since := sumShares(rows), sumShares(rows[:last])
	out := make([]float64, 0, len(rows)-last)
	for _, r := range rows[last:] {
		since = sumShares([]shares{since, r})
		healthy := shares{all.n - since.n, all.bad - since.bad}
		p := max(q, since.bad/since.n)
		out = append(out, since.under(p)+healthy.under(q))
	}
	return out
}

// under is the log likelihood of a share.
func (s shares) under(p float64) float64 { return xlogy(s.bad, p) + xlogy(s.n-s.bad, 1-p) }
