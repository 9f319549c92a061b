package rules

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

func (t *till) of(c PodCount, tried float64) PodCount {
	c.All, c.Bad, c.Squares = tried, t.revenue, t.squared
	return c
}

// The reference of a mean and the generated rules in the real engine, on the same
// traffic: the same evidence, and alerts within one evaluation of each other.
func TestMeanReferenceAgreesWithTheRules(t *testing.T) {
	bulk(t)
	for _, c := range []struct {
		name   string
		stable int
		worth  float64
		share  float64
		tries  float64 // share of requests that are trials
	}{
		{"half the value", 5, 10, 0.25, 1},
		{"two stable pods", 2, 8, 0.25, 1},
		{"most traffic on the candidate", 4, 10, 0.8, 1},
		{"hardly any orders", 5, 1, 0.25, 0.05},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rb := shop()
			rb.Triggers = rb.Triggers[2:3]
			pods := tilled(fleet("ranker", c.stable, 3, 60, c.share), c.worth)
			for _, p := range pods {
				p.trials = c.tries
			}
			w := newWorld(t, 11, pods, rb)
			w.role = func(p *pod, since time.Duration) (string, string) { // judged from the fifth minute on
				if since < 5*time.Minute {
					return "", ""
				}
				return usualRole(p, since)
			}
			ref, err := NewReference(rb, "revenue-drop")
			if err != nil {
				t.Fatal(err)
			}
			before := map[string]PodCount{}
			var fires, refers time.Duration
			compared := 0
			for w.now.Sub(w.start) < 70*time.Minute && fires == 0 {
				w.tick()
				since := w.now.Sub(w.start)
				var counts []PodCount
				for _, p := range pods {
					c := PodCount{Pod: p.name, Role: runbook.Stable}
					if p.candidate() {
						c.Role = runbook.Candidate
					}
					now := p.till.of(c, p.tried)
					if old, ok := before[p.name]; ok {
						grew := grown(now, old)
						grew.Squares -= old.Squares
						counts = append(counts, grew)
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
				if slices.Contains(w.firing(), "ranker/revenue-drop default") {
					fires = since
				}
				compared += sameMeanEvidence(t, w, v, since)
			}
			t.Logf("rules fire at %s, reference at %s; %d values compared", fires, refers, compared)
			if fires == 0 || (fires-refers).Abs() > w.interval || compared < 100 {
				t.Errorf("rules fire at %s, reference at %s; %d values compared", fires, refers, compared)
			}
		})
	}
}

func sameMeanEvidence(t *testing.T, w *world, v Verdict, since time.Duration) int {
	t.Helper()
	b, err := open(shop())
	if err != nil {
		t.Fatal(err)
	}
	is, compared := match("signal", "kpi_revenue"), 0
	for i, s := range spans() {
		for series, want := range map[string]float64{seriesEvidence: v.Evidence[i], seriesLeastPod: v.WithoutPod[i]} {
			got := w.ask(b.mustParse(b.everyone().rec(series, is, match("window", s.name))))
			if len(got) != 1 {
				continue
			}
			compared++
			if math.Abs(got[0].F-want) > 1e-4*max(1, math.Abs(want)) {
				t.Fatalf("%s: %s, window %s: rules %v, reference %v (phi %v)", since, series, s.name, got[0].F, want, v.Phi)
			}
		}
	}
	return compared
}

// While no release is in flight nothing of a mean is recorded, and a runbook without
// means has no such rules.
func TestMeanRulesCostNothingElsewhere(t *testing.T) {
	rb := shop()
	w := newWorld(t, 5, tilled(fleet("ranker", 1, 1, 60, 0.5), 20), rb)
	w.role = func(*pod, time.Duration) (string, string) { return "", "" }
	for range 8 {
		w.tick()
	}
	b, err := open(rb)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.ask(b.mustParse(`{__name__=~"autorollback:.*",service="ranker"}`)); len(got) > 0 {
		t.Errorf("idle, and recorded are %v", got)
	}
	for name, c := range map[string]struct {
		rb   *runbook.Runbook
		want bool
	}{"share": {ranker("ranker"), false}, "mean": {rb, true}} {
		g, err := Compile(c.rb)
		if err != nil {
			t.Fatal(err)
		}
		text, err := Marshal([]Group{g})
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"autorollback:mean:", seriesSquares, "sgn("} {
			if got := strings.Contains(string(text), word); got != c.want {
				t.Errorf("%s: rules with %s: %v", name, word, got)
			}
		}
	}
}

// A trigger says what its mean is of, and in which unit.
func TestMeanWording(t *testing.T) {
	b, err := open(shop())
	if err != nil {
		t.Fatal(err)
	}
	tr, _ := b.Trigger("revenue-drop")
	d := b.alert(tr)
	a, err := b.unitAlert(d, map[string]string{"region": "default", "release": "r1"}, 0.9612)
	if err != nil {
		t.Fatal(err)
	}
	const says = "The candidate's mean revenue per trial in EUR is 96.12% of stable's in region default, release r1."
	if got := a.annotations["description"]; !strings.HasPrefix(got, says) {
		t.Errorf("got %q", got)
	}
}
