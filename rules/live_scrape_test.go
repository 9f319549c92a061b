package rules_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

// A real Prometheus is asked how often it scrapes the pods of a service.
func TestPrometheusScrapesTooSeldom(t *testing.T) {
	rb, err := runbook.Load(filepath.Join("testdata", "canary.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	job, ok := strings.CutPrefix(rb.Metrics.Selector, "job=")
	if !ok {
		t.Fatalf("the runbook's selector is %s", rb.Metrics.Selector)
	}
	for _, c := range []struct {
		name, job, every string
		want             string
	}{
		{"as the runbook says", job, rb.Metrics.Interval.String(), ""},
		{"ten times slower", job, (10 * rb.Metrics.Interval).String(), "is scraped every " + (10 * rb.Metrics.Interval).String() + ": the rules look back"},
		{"another job", `"ads"`, "10m", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := servers.Prometheus(t, fmt.Sprintf("scrape_configs:\n- {job_name: %s, scrape_interval: %s, scrape_timeout: 1s, static_configs: [{targets: ['localhost:1']}]}\n", c.job, c.every), nil)
			prom, err := promapi.New(p.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			var targets []promapi.Target
			for deadline := time.Now().Add(2 * time.Minute); len(targets) == 0 && time.Now().Before(deadline); {
				if targets, err = prom.Targets(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			drifts, err := rules.VerifyScrape(t.Context(), []*runbook.Runbook{rb}, prom)
			switch {
			case err != nil:
				t.Fatal(err)
			case c.want == "" && len(drifts) > 0, c.want != "" && (len(drifts) != 1 || !strings.Contains(drifts[0].What, c.want)):
				t.Errorf("got %v, want %q; targets %+v", drifts, c.want, targets)
			}
		})
	}
}
