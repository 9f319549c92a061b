package rules

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/runbook"
)

// Scraped is a scrape interval that is too long for what the rules look back.
const Scraped Kind = "scrape"

// Targets tells what a Prometheus scrapes, and how often.
type Targets interface {
	Targets(ctx context.Context) ([]promapi.Target, error)
}

// VerifyScrape finds services whose pods are scraped too seldom for the windows of
// their rules. Pods are the targets whose own labels fit metrics.selector: a service
// whose selector names labels of its series only is not found here, and neither good
// nor bad. An error means that Prometheus could not be asked.
func VerifyScrape(ctx context.Context, runbooks []*runbook.Runbook, prom Targets) ([]Drift, error) {
	scraped, err := prom.Targets(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask Prometheus for its targets: %w", err)
	}
	var out []Drift
	for _, rb := range runbooks {
		matchers, err := parser.NewParser(parser.Options{}).ParseMetricSelector("{" + rb.Metrics.Selector + "}")
		if err != nil {
			continue // a runbook that was loaded has been checked
		}
		slowest, target := runbook.Duration(0), ""
		for _, t := range scraped {
			every, err := runbook.ParseDuration(t.DiscoveredLabels["__scrape_interval__"])
			if err == nil && every > slowest && fits(matchers, t.Labels) {
				slowest, target = every, t.ScrapeURL
			}
		}
		if what := breaks(rb, slowest); what != "" {
			out = append(out, Drift{Kind: Scraped, Service: rb.Service, What: fmt.Sprintf("%s is scraped every %s: %s", target, slowest, what),
				Fix: fmt.Sprintf("scrape it every %s, or write it as metrics.scrape_interval and generate the rules again", rb.Metrics.Step())})
		}
	}
	return out, nil
}

func fits(matchers []*labels.Matcher, have map[string]string) bool {
	for _, m := range matchers {
		if !m.Matches(have[m.Name]) {
			return false
		}
	}
	return true
}

// breaks names the windows that hold fewer than four scrapes, as the lint of package plan does.
func breaks(rb *runbook.Runbook, scrape runbook.Duration) string {
	var out []string
	if scrape > 4*rb.Metrics.Step() {
		out = append(out, fmt.Sprintf("the rules look back %s, and most intervals see no sample", 4*rb.Metrics.Step()))
	}
	for _, t := range rb.Triggers {
		if t.For > 0 && t.For < 4*scrape {
			out = append(out, fmt.Sprintf("%s of %s holds fewer than four scrapes", t.For, t.Name))
		}
	}
	if rb.Verification.Window < 4*scrape {
		out = append(out, fmt.Sprintf("verification.window of %s holds fewer than four scrapes", rb.Verification.Window))
	}
	return strings.Join(out, "; ")
}
