package quality

import (
	"math"
	"slices"
	"time"
)

// kayenta decides as Kayenta's NetflixACAJudge does (spinnaker/kayenta at a69573b): each
// hour, for each metric, a Mann-Whitney test on 60 points of a minute at a confidence
// of 98 %; bad is a shift whose lower bound is beyond a quarter of the estimated shift.
// Every metric is critical. Tuned, the means must differ by the runbook's number too.
type kayenta struct {
	checks []check
	tuned  bool
}

const (
	kayentaPoints    = 60
	kayentaEvery     = kayentaPoints * time.Minute
	kayentaZ         = 2.326348 // 98 %, two-sided
	kayentaTolerance = 0.25
)

// Observe implements [Judge].
func (j *kayenta) Observe(f Frame) []string {
	if f.Now%kayentaEvery != 0 {
		return nil
	}
	var looks []look
	for i := range kayentaPoints {
		looks = append(looks, f.Past.over(time.Minute, i))
	}
	var out []string
	hour := f.Past.over(kayentaEvery, 0)
	for _, c := range j.checks {
		if j.tuned && !c.bad(c.value(hour)) {
			continue
		}
		for _, s := range c.series {
			var candidate, stable []float64
			for _, l := range looks {
				candidate, stable = keep(candidate, s.of(l, l.candidate)), keep(stable, s.of(l, l.stable))
			}
			if way := shifted(candidate, stable); way != 0 && (s.worse == 0 || s.worse == way) {
				out = append(out, c.name)
				break
			}
		}
	}
	return out
}

func keep(to []float64, v float64) []float64 {
	if math.IsNaN(v) {
		return to
	}
	return append(to, v)
}

// shifted is +1 or -1 if the candidate's points lie higher or lower than stable's by
// Kayenta's test, 0 if not.
func shifted(candidate, stable []float64) int {
	low, estimate, high, ok := hodgesLehmann(candidate, stable)
	tolerance := kayentaTolerance * math.Abs(estimate)
	switch {
	case !ok:
		return 0
	case low > tolerance:
		return 1
	case high < -tolerance:
		return -1
	}
	return 0
}

// hodgesLehmann is the estimate of the shift between two samples and its confidence
// interval, by the normal approximation of the Mann-Whitney statistic.
func hodgesLehmann(a, b []float64) (low, estimate, high float64, ok bool) {
	if len(a) == 0 || len(b) == 0 {
		return 0, 0, 0, false
	}
	differences := make([]float64, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			differences = append(differences, x-y)
		}
	}
	slices.Sort(differences)
	n, m := float64(len(a)), float64(len(b))
	at := int(math.Floor(n*m/2 - kayentaZ*math.Sqrt(n*m*(n+m+1)/12)))
	if at < 0 {
		return 0, 0, 0, false
	}
	last := len(differences) - 1
	return differences[at], differences[last/2], differences[last-at], true
}
