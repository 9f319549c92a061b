package analysis

import (
	"math"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Onset estimates when all traffic turned bad, of a trigger with an absolute limit: the change point of
// greatest likelihood among the intervals of the newest hour, from one share of events to a greater one.
// With n intervals, N requests and X events before or since,
//
//	L(k) = ℓ(before k) + ℓ(since k) - ℓ(all), ℓ = X ln(X/N) + (N-X) ln(1-X/N)
//
// The bracket reaches to where L is lower by [onsetFall] times the dispersion of the intervals about
// both shares. False where the limit is on nothing that is counted, and where nothing got worse.
func (l *Losses) Onset(t runbook.Trigger) (o Onset, ok bool) {
	x, limit := l.of(t)
	if x == nil {
		return o, false
	}
	longest := min(l.hour, x.remembered())
	rows := make([]shares, longest) // by intervals ago
	var all shares
	for ago := range rows {
		r := x.row(ago, limit).joined(0)
		rows[ago] = shares{r.all[0], r.bad[0]}
		all.n, all.bad = all.n+r.all[0], all.bad+r.bad[0]
	}
	likelihoods, most := make([]float64, longest), 0.0
	var since shares
	for ago := range rows {
		since.n, since.bad = since.n+rows[ago].n, since.bad+rows[ago].bad
		before := shares{all.n - since.n, all.bad - since.bad}
		if before.n > 0 && since.bad*before.n > before.bad*since.n {
			likelihoods[ago] = before.likelihood() + since.likelihood() - all.likelihood()
		}
		if likelihoods[ago] > most {
			most, o.Likely = likelihoods[ago], ago
		}
	}
	if !(most > 0) {
		return o, false
	}
	fall := onsetFall * scattering(rows, o.Likely)
	o.First, o.Last = o.Likely, o.Likely
	for ago, v := range likelihoods {
		if v > 0 && v >= most-fall {
			o.First, o.Last = max(o.First, ago), min(o.Last, ago)
		}
	}
	o.begin(rows)
	return o, true
}

// tellingStep is by how many standard deviations of an interval the shares must differ before one
// interval alone tells how much of it was bad.
const tellingStep = 4

// begin says how much of the likely interval was bad, as far as one interval can tell. Where all of it
// was, and some of the one before as well, harm began in that: Part is above 1, and the bracket has it.
func (o *Onset) begin(rows []shares) {
	o.Part = partOf(rows, o.Likely, 1)
	if o.Part < 1 || o.Likely+1 >= len(rows) {
		return
	}
	if more := partOf(rows, o.Likely+1, 0); more > 0 {
		o.Part, o.First = 1+more, max(o.First, o.Likely+1)
	}
}

// partOf is how far an interval is from the share before it to the one since; where one interval cannot
// tell it is otherwise.
func partOf(rows []shares, change int, otherwise float64) float64 {
	before, since, r := sumShares(rows[change+1:]), sumShares(rows[:change]), rows[change]
	p, q := before.bad/before.n, since.bad/since.n
	if !(r.n*(q-p) >= tellingStep*math.Sqrt(r.n*q*(1-q))) {
		return otherwise
	}
	if otherwise == 0 && r.bad < r.n*p+tellingStep*math.Sqrt(r.n*p*(1-p)+1) { // as before
		return 0
	}
	return max(0, min(1, (r.bad/r.n-p)/(q-p)))
}

func sumShares(rows []shares) (all shares) {
	for _, r := range rows {
		all.n, all.bad = all.n+r.n, all.bad+r.bad
	}
	return all
}

// of is the loss that an absolute limit is about, and what is slow then; nil: nothing that is counted.
func (l *Losses) of(t runbook.Trigger) (*loss, float64) {
	for _, x := range l.all {
		switch {
		case t.Ceiling == 0 && x.Kind == record.Failures:
			return x, math.NaN()
		case t.Ceiling > 0 && x.Kind == record.Slow && x.Name == t.Latency:
			return x, t.Ceiling.Std().Seconds() * x.slow.unit.PerSecond()
		}
	}
	return nil, 0
}

// shares are opportunities and events.
type shares struct{ n, bad float64 }

func (s shares) likelihood() float64 { return s.under(s.bad / s.n) }

func xlogy(x, y float64) float64 {
	if !(x > 0) {
		return 0
	}
	return x * math.Log(y)
}

// scattering is how far the intervals are from the share before a change and the one since, as a
// multiple of chance, and at least 1.
func scattering(rows []shares, change int) float64 {
	num, den := 0.0, 0.0
	for _, part := range [2][]shares{rows[:change+1], rows[change+1:]} {
		all := sumShares(part)
		p := all.bad / all.n
		if !(p > 0) || !(p < 1) {
			continue
		}
		den--
		for _, r := range part {
			if r.n > 0 {
				num += (r.bad - r.n*p) * (r.bad - r.n*p) / (r.n * p * (1 - p))
				den++
			}
		}
	}
	if !(den > 0) {
		return 1
	}
	return max(1, num/den)
}
