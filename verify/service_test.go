package verify_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A service is a ranker of several pods whose counters grow by a fixed amount with
// each scrape, so that what Prometheus sees does not hang on the machine's load.
type service struct {
	*httptest.Server

	mu    sync.Mutex
	sides []*side
	roles bool // the daemon exports who is candidate and who is stable, and that all is significant
}

// A side is the pods of one version. Rates are for each pod and scrape.
type side struct {
	version, role string
	pods          int
	requests      float64
	errors        float64 // share of requests
	slow          float64 // share of requests that take 0.4 s; the others take 0.08 s
	totals        [3]float64
}

func serviceOf(tb testing.TB, sides ...*side) *service {
	tb.Helper()
	s := &service{sides: sides, roles: true}
	s.Server = httptest.NewServer(http.HandlerFunc(s.scrape))
	tb.Cleanup(s.Close)
	return s
}

// change alters the service between two scrapes.
func (s *service) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *service) scrape(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, trigger := range []string{"errors", "latency"} {
		if s.roles {
			lines = append(lines, fmt.Sprintf(`autorollback_trigger_significance{service="ranker",region="default",release="ranker-42",trigger=%q} 3`, trigger))
		}
	}
	for _, v := range s.sides {
		v.totals[0] += v.requests
		v.totals[1] += v.requests * v.errors
		v.totals[2] += v.requests * v.slow
		if s.roles {
			lines = append(lines, fmt.Sprintf(`autorollback_release_role{service="ranker",region="default",version=%q,release="ranker-42",role=%q} 1`, v.version, v.role))
		}
		for pod := range v.pods {
			lines = append(lines, v.expose(fmt.Sprintf(`version=%q,instance="%s-%d"`, v.version, v.version, pod))...)
		}
	}
	slices.Sort(lines)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintln(w, strings.Join(lines, "\n"))
}

func (v *side) expose(labels string) []string {
	all, bad, slow := v.totals[0], v.totals[1], v.totals[2]
	lines := []string{
		fmt.Sprintf(`http_requests_total{%s,code="200"} %f`, labels, all-bad),
		fmt.Sprintf(`http_requests_total{%s,code="500"} %f`, labels, bad),
		fmt.Sprintf(`http_request_duration_seconds_count{%s} %f`, labels, all),
		fmt.Sprintf(`http_request_duration_seconds_sum{%s} %f`, labels, (all-slow)*0.08+slow*0.4),
		fmt.Sprintf(`recommendations_total{%s} %f`, labels, all),
		fmt.Sprintf(`orders_total{%s} %f`, labels, all*0.1),
	}
	for le, below := range map[string]float64{"0.05": 0, "0.1": all - slow, "0.2": all - slow, "0.5": all, "1.0": all, "+Inf": all} {
		lines = append(lines, fmt.Sprintf(`http_request_duration_seconds_bucket{%s,le=%q} %f`, labels, le, below))
	}
	return lines
}
