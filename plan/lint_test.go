package plan

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

func TestLints(t *testing.T) {
	long := []Step{{25, dur(time.Hour)}}
	for name, c := range map[string]struct {
		change func(*runbook.Runbook, *Traffic)
		steps  []Step
		want   LintSeverity // "" means none
		about  string       // part of the lint's line
	}{
		"one candidate pod":        {change: func(_ *runbook.Runbook, tr *Traffic) { tr.CandidatePods = 1 }, want: LintWarning, about: "min_candidate_pods: 2"},
		"one pod that asks":        {change: func(rb *runbook.Runbook, tr *Traffic) { tr.CandidatePods, rb.Policy.MinCandidatePods = 1, 2 }, want: LintMild, about: "every breach only asks"},
		"fewer pods than demanded": {change: func(rb *runbook.Runbook, tr *Traffic) { tr.CandidatePods, rb.Policy.MinCandidatePods = 2, 3 }, want: LintMild, about: "2 candidate pods are fewer than 3"},
		"two stable pods":          {change: func(_ *runbook.Runbook, tr *Traffic) { tr.StablePods = 2 }, want: LintWarning, about: "2 stable pods"},
		"routers count":            {change: func(rb *runbook.Runbook, _ *Traffic) { rb.Metrics.Vantage = runbook.FromRouter }, want: LintWarning, about: "error-rate has no pod guard: routers count"},
		"two routers":              {change: func(rb *runbook.Runbook, tr *Traffic) { rb.Metrics.Vantage, tr.StablePods = runbook.FromRouter, 2 }, want: LintWarning, about: "2 routers that count stable's requests"},
		"pods count":               {about: "no pod guard"},
		"the scrape that is written": {change: func(rb *runbook.Runbook, tr *Traffic) {
			rb.Metrics.ScrapeInterval, tr.Scrape = dur(30*time.Second), dur(30*time.Second)
		}, about: "scraped every"},
		"enough pods":             {change: func(_ *runbook.Runbook, tr *Traffic) { tr.StablePods = 3 }, about: "stable pods"},
		"no control":              {steps: []Step{{50, dur(time.Hour)}, {100, dur(time.Hour)}}, want: LintMild, about: "no concurrent control"},
		"holdback":                {steps: []Step{{95, dur(time.Hour)}}, about: "no concurrent control"},
		"slow scrape":             {change: func(_ *runbook.Runbook, tr *Traffic) { tr.Scrape = dur(30 * time.Second) }, want: LintWarning, about: "scraped every 30s"},
		"scrape out of reach":     {change: func(_ *runbook.Runbook, tr *Traffic) { tr.Scrape = dur(2 * time.Minute) }, want: LintError, about: "look back 1m"},
		"window of three scrapes": {change: func(_ *runbook.Runbook, tr *Traffic) { tr.Scrape = dur(time.Minute) }, want: LintError, about: "3m of error-rate"},
		"verification window":     {change: func(_ *runbook.Runbook, tr *Traffic) { tr.Scrape = dur(20 * time.Second) }, want: LintError, about: "verification.window"},
		"all warm-up":             {change: func(rb *runbook.Runbook, _ *Traffic) { rb.Metrics.Warmup = dur(time.Hour) }, want: LintWarning, about: "all warm-up"},
		"coarse buckets":          {change: func(rb *runbook.Runbook, _ *Traffic) { rb.Metrics.Latency.Buckets = []float64{0.1, 0.25, 0.5, 1} }, want: LintWarning, about: "latency-p95: buckets at 0.1s and 0.25s are more than 1.2 times apart, where the p95 lies (228ms): a true +30% will read as +"},
		"fine buckets": {change: func(rb *runbook.Runbook, _ *Traffic) {
			rb.Metrics.Latency.Buckets = []float64{0.1, 0.19, 0.22, 0.25, 0.29, 0.34, 1}
		}, about: "latency-p95: buckets"},
		"histogram ends": {change: func(rb *runbook.Runbook, _ *Traffic) { rb.Metrics.Latency.Buckets = []float64{0.1, 0.2, 0.24} }, want: LintWarning, about: "the histogram ends at 0.24s"},
		"native": {change: func(rb *runbook.Runbook, _ *Traffic) {
			rb.Metrics.Latency.Kind, rb.Metrics.Latency.Buckets = runbook.Native, nil
		}, about: "bucket"},
		"SLO between buckets":   {change: func(rb *runbook.Runbook, _ *Traffic) { rb.Triggers[4].Ceiling = dur(1200 * time.Millisecond) }, want: LintWarning, about: "1s200ms lies between the buckets 1s and 1.5s"},
		"SLO on a bucket":       {change: func(rb *runbook.Runbook, _ *Traffic) { rb.Triggers[4].Ceiling = dur(1500 * time.Millisecond) }, about: "users-wait ceiling"},
		"SLO above the buckets": {change: func(rb *runbook.Runbook, _ *Traffic) { rb.Triggers[4].Ceiling = dur(time.Minute) }, want: LintError, about: "users-wait ceiling: 1m is not below the highest bucket"},
		"SLO at the last bucket": {change: func(rb *runbook.Runbook, _ *Traffic) {
			b := rb.Metrics.Latency.Buckets
			rb.Triggers[4].Ceiling = runbook.Duration(b[len(b)-1] * float64(time.Second))
		}, want: LintError, about: "can never be exceeded"},
		"a candidate's ceiling above the buckets": {change: func(rb *runbook.Runbook, _ *Traffic) { rb.Triggers[0].Ceiling = dur(time.Minute) }, want: LintError, about: "latency-p95 ceiling: 1m is not below"},
		"KPI window":              {want: LintWarning, about: "over 15m chance alone moves conversion by"},
		"long KPI window":         {change: func(_ *runbook.Runbook, tr *Traffic) { tr.Rate = 20000 }, about: "chance alone"},
		"business check":          {want: LintWarning, about: "conversion cannot be proved within 10m"},
		"provable business check": {change: func(_ *runbook.Runbook, tr *Traffic) { tr.Rate = 20000 }, about: "cannot be proved within"},
		"users stay, KPIs ask":    {change: sticky(runbook.Traefik), want: LintMild, about: "conversion-drop counts trials, and with routing.sticky the unit is the user"},
		"users stay":              {change: sticky(runbook.Traefik), about: "users change sides"},
		"users cannot stay":       {change: sticky(runbook.Fabio), want: LintWarning, about: "routing.sticky: fabio picks a side anew"},
		"users need not stay":     {about: "sticky"},
		"few requests":            {change: func(_ *runbook.Runbook, tr *Traffic) { tr.Rate = 1 }, want: LintError, about: "1m have 60 requests of 100"},
	} {
		t.Run(name, func(t *testing.T) {
			rb, traffic := ranker(), Traffic{Rate: 50, StablePods: 6, P50: 0.1, P95: 0.2276}
			if c.change != nil {
				c.change(rb, &traffic)
			}
			if c.steps == nil {
				c.steps = long
			}
			var found []string
			for _, l := range mustPlan(t, rb, traffic, c.steps...).Lints {
				if strings.Contains(l.String(), c.about) {
					found = append(found, l.String())
					if l.Severity != c.want || l.Fix == "" || l.Field == "" {
						t.Errorf("%s", l)
					}
				}
			}
			if (len(found) > 0) != (c.want != "") {
				t.Errorf("want %q about %q, found %q of %v", c.want, c.about, found, mustPlan(t, rb, traffic, c.steps...).Lints)
			}
		})
	}
}

func sticky(by runbook.Router) func(*runbook.Runbook, *Traffic) {
	return func(rb *runbook.Runbook, _ *Traffic) { rb.Routing.Router, rb.Routing.Sticky = by, true }
}

// Default client buckets cannot read +10 % (docs/triggers.md).
func TestReadingOfDefaultBuckets(t *testing.T) {
	rb := ranker()
	rb.Metrics.Latency.Buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
	p := mustPlan(t, rb, Traffic{Rate: 10, P50: 0.1, P95: 0.2276})
	if got := p.reading(rb.Triggers[0], 0.1); math.Abs(got-0.1) < 0.04 {
		t.Errorf("+10%% reads as %+.0f%%", 100*got)
	}
	if got := mustPlan(t, ranker(), Traffic{Rate: 10, P50: 0.1, P95: 0.2276}).reading(rb.Triggers[0], 0.3); got < 0.22 || got > 0.38 {
		t.Errorf("with fine buckets +30%% reads as %+.0f%%", 100*got)
	}
}
