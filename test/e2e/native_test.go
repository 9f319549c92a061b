package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/demo"
)

// The latency is a native histogram, scraped by a real Prometheus, and no classic bucket of
// it is stored: the candidate becomes three times as slow and never fails, which the latency
// trigger alone can see. It is rolled back, and the recovery is proved.
func TestNativeHistograms(t *testing.T) {
	t.Parallel()
	s := start(t, options{native: true, runbook: nativeLatency(t)})
	s.await("native histograms", 30*time.Second, func() error { return s.has(`histogram_count(model_request_duration_seconds{version="v2"})`) })
	if s.has(`model_request_duration_seconds_bucket`) == nil {
		t.Fatal("there are classic buckets as well: this would prove nothing")
	}
	// Slow answers on both sides: what a busy machine adds to each hardly changes how many
	// times as slow one is.
	b := demo.Well
	b.Latency *= 3
	s.service.Stable.Behave(b)
	b.Latency *= 3
	s.service.Candidate.Behave(b)
	broke := time.Now()
	inc := s.incident("a closed incident", 120*time.Second, settled)
	s.recovered(inc)
	if !slices.Equal(inc.Triggers, []string{"latency-p95"}) {
		t.Errorf("triggers %v, want the latency", inc.Triggers)
	}
	if e := inc.Breach.Value; e < 2 || e > 4 {
		t.Errorf("the candidate is %.2f times as slow, want about three times", e)
	}
	s.good(inc.Verdict.Answers, "p95 latency", "error rate")
	s.oneTransaction()
	s.evidence(s.daemons[0], inc)
	s.times(broke, inc)
	if err := s.incidents(1); err != nil {
		t.Error(err)
	}
}

// nativeLatency makes the latency native, and leaves the mild trigger nothing to see: now
// and then it would be the first.
func nativeLatency(t *testing.T) func(string) string {
	return func(text string) string {
		text = edit(t, text, "kind: classic", "kind: native")
		at := strings.Index(text, "    buckets:")
		text = text[:at] + text[at+strings.Index(text[at:], "\n")+1:]
		return edit(t, text, "    increase: 30%", "    increase: 900%")
	}
}
