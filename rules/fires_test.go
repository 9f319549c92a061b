package rules

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

func ranker(service string) *runbook.Runbook { return sim.Ranker(service) }

func dur(d time.Duration) runbook.Duration { return runbook.Duration(d) }

func after(begin time.Duration, good, bad float64) func(time.Duration) float64 {
	return func(t time.Duration) float64 {
		if t < begin {
			return good
		}
		return bad
	}
}

// of changes the pods that a filter picks.
func of(pods []*pod, pick func(*pod) bool, change func(*pod)) []*pod {
	for _, p := range pods {
		if pick(p) {
			change(p)
		}
	}
	return pods
}

func candidates(p *pod) bool { return p.candidate() }
func everyPod(*pod) bool     { return true }

const onset = 10 * time.Minute

type trace struct {
	name   string
	pods   func() []*pod
	adjust func(*world, *runbook.Runbook)
	hours  float64
	want   []string // alerts that fire at some time, and no others
	within time.Duration
	quick  bool // runs under the race detector as well
}

func traces() []trace {
	usual := func() []*pod { return fleet("ranker", 6, 3, 200, 0.25) }
	return []trace{
		{name: "good release", pods: usual, hours: 2},
		{name: "candidate fails 6 %", hours: 0.3, quick: true, within: onset + 4*time.Minute,
			pods: func() []*pod {
				return of(usual(), candidates, func(p *pod) { p.errors = after(onset, 0.005, 0.06) })
			},
			want: []string{"ranker/error-rate default"}},
		{name: "candidate is 40 % slower", hours: 0.4, within: onset + 6*time.Minute,
			pods: func() []*pod { return of(usual(), candidates, func(p *pod) { p.slower = after(onset, 1, 1.4) }) },
			want: []string{"ranker/latency-p95 default"}},
		{name: "candidate is 10 % slower", hours: 1,
			pods: func() []*pod { return of(usual(), candidates, func(p *pod) { p.slower = after(onset, 1, 1.1) }) }},
		{name: "candidate stalls beyond the last bucket", hours: 0.3, within: onset + 4*time.Minute,
			pods: func() []*pod { return of(usual(), candidates, func(p *pod) { p.slower = after(onset, 1, 100) }) },
			want: []string{"ranker/latency-p95 default", "ranker/users-wait"}},
		{name: "conversion falls 10 %", hours: 1, within: onset + 50*time.Minute,
			pods:   func() []*pod { return of(usual(), candidates, func(p *pod) { p.converts = after(onset, 0.1, 0.09) }) },
			adjust: func(w *world, _ *runbook.Runbook) { w.proves = provedFrom(onset, "conversion-drop") },
			want:   []string{"ranker/conversion-drop default"}},
		{name: "nothing is significant", hours: 0.5,
			pods: func() []*pod {
				return of(usual(), candidates, func(p *pod) { p.errors, p.slower = after(onset, 0.005, 0.08), after(onset, 1, 1.5) })
			},
			adjust: func(w *world, _ *runbook.Runbook) { w.proves = func(string, time.Duration) float64 { return 0.999 } }},
		{name: "the daemon tells nothing of one trigger", hours: 0.4, within: onset + 4*time.Minute,
			pods: usual,
			adjust: func(w *world, _ *runbook.Runbook) {
				w.proves = func(trigger string, since time.Duration) float64 {
					if trigger == "latency-p95" && since >= onset {
						return 0
					}
					return 0.5
				}
			},
			want: []string{"ranker/blind default"}},
		{name: "shared outage", hours: 0.4, within: onset + 4*time.Minute,
			pods: func() []*pod { return of(usual(), everyPod, func(p *pod) { p.errors = after(onset, 0.005, 0.2) }) },
			want: []string{"ranker/users-see-errors"}},
		{name: "shared slowness", hours: 0.4, within: onset + 4*time.Minute,
			pods: func() []*pod { return of(usual(), everyPod, func(p *pod) { p.slower = after(onset, 1, 5) }) },
			want: []string{"ranker/users-wait"}},
		{name: "the only candidate pod fails", hours: 0.3, within: onset + 4*time.Minute,
			pods: func() []*pod {
				return of(fleet("ranker", 6, 1, 200, 0.25), candidates, func(p *pod) { p.errors = after(onset, 0.005, 0.08) })
			},
			want: []string{"ranker/error-rate default"}},
		{name: "candidate has no data", hours: 0.4, within: onset + 4*time.Minute,
			pods: func() []*pod {
				return of(usual(), candidates, func(p *pod) { p.silent = func(t time.Duration) bool { return t >= onset } })
			},
			want: []string{"ranker/blind default"}},
		{name: "stable has no data", hours: 0.4, within: onset + 4*time.Minute,
			pods: func() []*pod {
				return of(usual(), func(p *pod) bool { return !p.candidate() }, func(p *pod) { p.silent = func(t time.Duration) bool { return t >= onset } })
			},
			want: []string{"ranker/blind default"}},
		{name: "no release in flight", hours: 0.5, within: onset + 4*time.Minute,
			pods: func() []*pod { return of(usual(), everyPod, func(p *pod) { p.errors = after(onset, 0.005, 0.2) }) },
			adjust: func(w *world, _ *runbook.Runbook) {
				w.role = func(*pod, time.Duration) (string, string) { return "", "" }
			},
			want: []string{"ranker/users-see-errors"}},
	}
}

func TestTracesFireOrStaySilent(t *testing.T) {
	for _, tr := range traces() {
		t.Run(tr.name, func(t *testing.T) {
			if !tr.quick {
				bulk(t)
			}
			t.Parallel()
			rb := ranker("ranker")
			if tr.hours > 0.5 {
				rb.Metrics.Interval = dur(30 * time.Second)
			}
			w := newWorld(t, 7, tr.pods(), rb)
			if tr.adjust != nil {
				tr.adjust(w, rb)
			}
			first := w.run(time.Duration(tr.hours * float64(time.Hour)))
			t.Logf("fired: %v", first)
			if got := slices.Sorted(maps.Keys(first)); !slices.Equal(got, tr.want) {
				t.Fatalf("fired %v, want %v", first, tr.want)
			}
			for name, at := range first {
				if at < onset || at > tr.within {
					t.Errorf("%s fired at %s, want between %s and %s", name, at, onset, tr.within)
				}
			}
		})
	}
}
