package rules

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// reading is what a pod's counters hold now.
func (p *pod) reading(t runbook.TriggerType) PodCount {
	c := PodCount{Pod: p.name, Role: runbook.Stable}
	if p.candidate() {
		c.Role = runbook.Candidate
	}
	switch t {
	case runbook.LatencyQuantile:
		c.Buckets = slices.Clone(p.buckets)
	case runbook.KPIDrop:
		c.All, c.Bad = p.tried, p.converted
	default:
		c.All, c.Bad = p.ok+p.failed, p.failed
	}
	return c
}

func grown(now, before PodCount) PodCount {
	now.All, now.Bad = now.All-before.All, now.Bad-before.Bad
	for i := range now.Buckets {
		now.Buckets[i] -= before.Buckets[i]
	}
	return now
}

// The reference and the generated rules in the real engine, on the same traffic: the
// same evidence, and alerts within one evaluation of each other.
func TestReferenceAgreesWithTheRules(t *testing.T) {
	bulk(t)
	for _, c := range []struct {
		trigger string
		stable  int
		harm    func(*pod)
	}{
		{"error-rate", 5, func(p *pod) { p.errors = after(onset, 0.005, 0.06) }},
		{"error-rate", 2, func(p *pod) { p.errors = after(onset, 0.005, 0.08) }},
		{"latency-p95", 5, func(p *pod) { p.slower = after(onset, 1, 1.5) }},
		{"conversion-drop", 5, func(p *pod) { p.converts = after(onset, 0.3, 0.15) }},
	} {
		t.Run(c.trigger, func(t *testing.T) {
			t.Parallel()
			rb := ranker("ranker")
			pods := fleet("ranker", c.stable, 3, 60, 0.25)
			for _, p := range pods {
				p.converts = constant(0.3)
			}
			w := newWorld(t, 11, of(pods, candidates, c.harm), rb)
			w.role = func(p *pod, since time.Duration) (string, string) { // judged from the fifth minute on
				if since < 5*time.Minute {
					return "", ""
				}
				return usualRole(p, since)
			}
			ref, err := NewReference(rb, c.trigger)
			if err != nil {
				t.Fatal(err)
			}
			tr, _ := rb.Trigger(c.trigger)
			before := map[string]PodCount{}
			var fires, refers time.Duration
			compared := 0
			for w.now.Sub(w.start) < 25*time.Minute {
				w.tick()
				since := w.now.Sub(w.start)
				var counts []PodCount
				for _, p := range pods {
					now := p.reading(tr.Type)
					if old, ok := before[p.name]; ok {
						counts = append(counts, grown(p.reading(tr.Type), old))
					}
					before[p.name] = now
				}
				if since < 5*time.Minute {
					ref.Warm(counts)
					continue
				}
				v := ref.Observe(counts)
				if refers == 0 && v.Fires() {
					refers = since
				}
				if fires == 0 && slices.Contains(w.firing(), "ranker/"+c.trigger+" default") {
					fires = since
				}
				compared += sameEvidence(t, w, tr, v, since)
			}
			if compared < 300 {
				t.Errorf("only %d values could be compared", compared)
			}
			t.Logf("rules fire at %s, reference at %s", fires, refers)
			if fires == 0 || (fires-refers).Abs() > w.interval {
				t.Errorf("rules fire at %s, reference at %s", fires, refers)
			}
		})
	}
}

func sameEvidence(t *testing.T, w *world, tr runbook.Trigger, v Verdict, since time.Duration) (compared int) {
	t.Helper()
	b, err := open(ranker("ranker"))
	if err != nil {
		t.Fatal(err)
	}
	is := match("signal", b.signalOf(tr).name)
	for i, s := range spans() {
		for series, want := range map[string]float64{seriesEvidence: v.Evidence[i], seriesLeastPod: v.WithoutPod[i]} {
			got := w.ask(b.mustParse(b.everyone().rec(series, is, match("window", s.name))))
			compared += len(got)
			if len(got) == 1 && math.Abs(got[0].F-want) > 1e-4*max(1, math.Abs(want)) {
				t.Fatalf("%s: %s, window %s: rules %v, reference %v (phi %v)", since, series, s.name, got[0].F, want, v.Phi)
			}
		}
	}
	return compared
}
