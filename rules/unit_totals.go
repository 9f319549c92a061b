package rules

import (
	"maps"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// totals are what has been summed up since the release began.
type totals struct {
	ratios []float64 // of each theta
	chance float64
	apart  map[string]float64 // of each stable pod
	trials [3][2]float64      // of a mean: trials, sum and squares of candidate and stable
}

func (r *Reference) totals() totals {
	t := totals{chance: r.chance.total(), apart: map[string]float64{}}
	for i, of := range [][2]trail{r.means.all, r.means.sum, r.means.squares} {
		t.trials[i] = [2]float64{of[0].total(), of[1].total()}
	}
	for _, ratio := range r.ratios {
		t.ratios = append(t.ratios, ratio.total())
	}
	for _, p := range r.pods {
		if p.role == runbook.Stable {
			t.apart[p.name] = p.apart.total()
		}
	}
	return t
}

// since are the running totals that are recorded, if they began anew at before.
func (s *stage) since(r *Reference, before totals, step int) []unitValue {
	now := r.totals()
	var out []unitValue
	add := func(name string, want float64, more ...string) {
		of := labelsOf(append([]string{"service", s.b.Service, "region", s.b.theRegion(), "release", unitRelease, "signal", s.signal.name}, more...)...)
		out = append(out, unitValue{step: step, name: name, labels: of, want: want})
	}
	for i, of := range []string{"trials", "sum", "squares"} {
		for _, role := range []runbook.Role{runbook.Candidate, runbook.Stable} {
			if k := sideIndex(role); s.signal.isMean() && now.trials[0][k] > 0 {
				add(seriesSince, now.trials[i][k]-before.trials[i][k], "of", of, "role", string(role))
			}
		}
	}
	if s.signal.isMean() && before.ratios != nil {
		return out // its variance began anew as well
	}
	for i, theta := range s.signal.family.thetas {
		if want := now.ratios[i]; before.ratios == nil {
			add(seriesLLR, want, "theta", num(theta))
		} else {
			add(seriesLLR, want-before.ratios[i], "theta", num(theta))
		}
	}
	if s.signal.family.guarded && now.chance > 0 {
		add(seriesChance, now.chance-before.chance)
		for _, pod := range slices.Sorted(maps.Keys(now.apart)) {
			add(seriesApart, now.apart[pod]-before.apart[pod], s.b.Metrics.PodLabel, pod)
		}
	}
	return out
}

// silences are of a daemon that names no release for a while: what was summed up before
// is remembered, but not for ever.
func (s *stage) silences() {
	span, err := runbook.ParseDuration(remembered)
	if err != nil {
		s.err = err
		return
	}
	for _, long := range []bool{false, true} {
		name, n := "the books of a daemon that was silent", int(5*span/6/s.b.Metrics.Interval)
		if long {
			name, n = "the books of a daemon that was silent for too long", int(span/s.b.Metrics.Interval)+10
		}
		sc := scene{name: name, steps: n + 7, silent: [2]int{5, n + 4}, pods: s.unevenPods(0.3)}
		s.book(sc, func(r *Reference, _ Verdict, before totals, step int) []unitValue {
			switch {
			case step < sc.steps:
				return nil
			case !long:
				before = totals{}
			}
			return s.since(r, before, step)
		})
	}
}
