package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// pods are the service's, as Prometheus sees them: each is a page of counters that grow
// at a steady rate, so the breach stays true for as long as the benchmark lasts and no
// traffic costs the machine anything. The candidate answers every other request with
// an error.
func pods(b *testing.B, rb *runbook.Runbook) []string {
	var addrs []string
	for version, n := range map[string]int{"v1": 3, "v2": 2} {
		rate, errors := 30.0, 0.001
		if version == "v2" {
			rate, errors = 5, 0.5
		}
		for range n {
			began := time.Now()
			addrs = append(addrs, page(b, func() string { return podPage(rb, version, time.Since(began).Seconds()*rate, errors) }))
		}
	}
	return addrs
}

func podPage(rb *runbook.Runbook, version string, n, errors float64) string {
	var t strings.Builder
	counter := func(name, labels string, v float64) {
		fmt.Fprintf(&t, "%s{version=%q%s} %g\n", name, version, labels, v)
	}
	counter("model_requests_total", `,code="200"`, n*(1-errors))
	counter("model_requests_total", `,code="500"`, n*errors)
	h := "model_request_duration_seconds"
	for _, le := range rb.Metrics.Latency.Buckets {
		share := min(le/0.03, 1) // up to 30 ms
		counter(h+"_bucket", fmt.Sprintf(`,le="%g"`, le), n*share)
	}
	counter(h+"_bucket", `,le="+Inf"`, n)
	counter(h+"_count", "", n)
	counter(h+"_sum", "", n*0.015)
	counter("model_ready", "", 1)
	counter("model_impressions_total", "", n*(1-errors))
	counter("model_conversions_total", "", n*(1-errors)*0.3)
	return t.String()
}

// roles are what the daemon exports about the release, kept still: the daemon's own
// would be gone for a scrape after each rollback.
func roles(b *testing.B, release func() record.Release) string {
	return page(b, func() string {
		rel := release()
		if rel.ID == "" {
			return ""
		}
		var t strings.Builder
		for role, version := range map[string]string{"stable": rel.Stable.Version, "candidate": rel.Candidate.Version} {
			fmt.Fprintf(&t, "autorollback_release_role{service=%q,region=%q,version=%q,release=%q,role=%q} 1\n", rel.Service, rel.Region, version, rel.ID, role)
		}
		return t.String()
	})
}

func page(b *testing.B, text func() string) string {
	return serveHTTP(b, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write([]byte(text()))
	})
}

// serveHTTP serves on a port of its own and returns the address.
func serveHTTP(b *testing.B, f http.HandlerFunc) string {
	srv := httptest.NewServer(f)
	b.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}
