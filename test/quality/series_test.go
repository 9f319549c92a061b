package quality

import (
	"strings"
	"testing"
	"time"
)

// Every counter of the suite's runbook is among a trace's series, and every series is
// asked for by it; rare ones begin with their first event, and buckets add up.
func TestSeriesAreThoseOfTheRunbook(t *testing.T) {
	shape := GeneratedShape(evaluation)
	s := named(t, "null-spike")
	s.Rates = []Number{{200, 200}}
	trace, _ := Generate(s, shape, 1, time.Hour)
	all := map[string]bool{}
	for tick, ok := trace.Next(); ok; tick, ok = trace.Next() {
		for _, scrape := range tick.Scrapes {
			upTo := map[string]float64{}
			for _, x := range shape.Samples(scrape.Reading) {
				all[x.Name] = true
				if x.Value < upTo[x.Name] && strings.HasSuffix(x.Name, "_bucket") {
					t.Fatalf("%s %v is %g, less than the bucket before: %g", x.Name, x.Labels, x.Value, upTo[x.Name])
				}
				upTo[x.Name] = x.Value
			}
		}
	}
	m := Runbook(shape).Metrics
	want := []string{m.Requests.Counter, m.KPIs[0].Successes, m.KPIs[0].Trials, m.Schema.Mismatches, m.Schema.Checked,
		m.Features.Nulls, m.Features.Rows, m.Latency.Histogram + "_bucket", m.Distributions[0].Histogram + "_bucket"}
	for _, name := range want {
		if !all[name] {
			t.Errorf("no series %s", name)
		}
	}
	if len(all) != len(want) {
		t.Errorf("series %v, want %v", all, want)
	}
	for _, x := range shape.Samples(make(Reading, shape.size())) {
		if x.Name == m.Schema.Mismatches || x.Name == m.Features.Nulls {
			t.Errorf("before any event there is %s", x.Name)
		}
	}
}
