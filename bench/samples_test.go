package bench

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/autorollback/autorollback/demo"
)

// BenchmarkSamplesDelayNothing measures what [BenchmarkWebhookToConsul] does for a service whose evidence has
// samples and logs, of sources that never answer, in turns with the same service without them. ratio-p50 is the
// first over the second; the aim is at most 1.05.
func BenchmarkSamplesDelayNothing(b *testing.B) {
	silent := "http://" + serveHTTP(b, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	sources := "{sources: [{url: " + silent + "}], fields: [id, ts, response.status]}"
	asked := bytes.Replace(demo.Runbook, []byte("\nevidence:\n"), []byte("\nevidence:\n  samples: "+sources+"\n  logs: {sources: [{url: "+silent+"}]}\n"), 1)
	with, without := startWith(b, asked), start(b)
	with.direct()
	without.direct()
	var slow, quick []time.Duration
	for b.Loop() {
		for range turns {
			for s, into := range map[*stage]*[]time.Duration{with: &slow, without: &quick} { // in either order
				s.reset()
				time.Sleep(quiet)
				seen, _ := s.rollBack()
				*into = append(*into, seen)
			}
		}
	}
	report(b, "", slow)
	report(b, "without-", quick)
	b.ReportMetric(quantile(slow, 0.5)/quantile(quick, 0.5), "ratio-p50")
	b.ReportMetric(float64(with.held+without.held), "turns-held")
	b.ReportMetric(0, "ns/op") // includes putting things back
}
