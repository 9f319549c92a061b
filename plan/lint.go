package plan

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// LintSeverity is how bad a lint is.
type LintSeverity string

const (
	LintError   LintSeverity = "error"   // something cannot work
	LintMild    LintSeverity = "mild"    // a severe breach would only ask a human
	LintWarning LintSeverity = "warning" // it works worse than the runbook reads
)

// A Lint is something in a runbook that is valid and yet will not do what it reads
// like, with this traffic and these steps.
type Lint struct {
	Severity LintSeverity `json:"severity"`
	Field    string       `json:"field"`
	What     string       `json:"what"`
	Fix      string       `json:"fix"`
}

// String returns "severity: field: what; fix".
func (l Lint) String() string {
	return fmt.Sprintf("%s: %s: %s; %s", l.Severity, l.Field, l.What, l.Fix)
}

func (p Plan) lint() []Lint {
	var out []Lint
	for _, look := range []func() []Lint{p.lintScrape, p.lintPods, p.lintRouters, p.lintControl, p.lintBuckets, p.lintKPIs, p.lintSticky, p.lintVerification} {
		out = append(out, look()...)
	}
	return out
}

// lintScrape compares the scrape interval with what the windows were made for.
func (p Plan) lintScrape() []Lint {
	var out []Lint
	scrape, every := p.Traffic.Scrape, p.rb.Metrics.Step()
	switch {
	case scrape > 4*every:
		out = append(out, Lint{LintError, "metrics.scrape_interval", fmt.Sprintf("pods are scraped every %s, and the rules look back %s: most intervals see no sample", scrape, 4*every),
			fmt.Sprintf("write `scrape_interval: %s`, or scrape every %s", scrape, every)})
	case scrape > every:
		out = append(out, Lint{LintWarning, "metrics.scrape_interval", fmt.Sprintf("pods are scraped every %s, and the rules look every %s: some intervals are empty, and the next holds both", scrape, every),
			fmt.Sprintf("write `scrape_interval: %s`, or scrape every %s", scrape, every)})
	}
	if w := p.rb.Metrics.Warmup; w >= p.Steps[0].For {
		out = append(out, Lint{LintWarning, "metrics.warmup", fmt.Sprintf("the first step of %s is all warm-up (%s): nothing is judged in it", p.Steps[0].For, w), "hold the first step longer"})
	}
	for i, t := range p.rb.Triggers {
		if t.For < 4*scrape {
			out = append(out, Lint{LintError, fmt.Sprintf("triggers[%d].for", i), fmt.Sprintf("%s of %s holds fewer than four scrapes of %s", t.For, t.Name, scrape),
				fmt.Sprintf("write `for: %s` or longer", 4*scrape)})
		}
	}
	if w := p.window; w < 4*scrape {
		out = append(out, Lint{LintError, "verification.window", fmt.Sprintf("%s holds fewer than four scrapes of %s", w, scrape),
			fmt.Sprintf("write `window: %s` or longer", 4*scrape)})
	}
	return out
}

// lintRouters says what is missing where routers count.
func (p Plan) lintRouters() []Lint {
	if !p.rb.Metrics.ByRouter() {
		return nil
	}
	var out []Lint
	for i, t := range p.rb.Triggers {
		if t.Severity == runbook.Severe && t.Comparative() {
			out = append(out, Lint{LintWarning, fmt.Sprintf("triggers[%d]", i),
				fmt.Sprintf("%s has no pod guard: routers count, so one bad pod looks like a bad version and rolls back", t.Name),
				"write `severity: mild`, or let the pods count if they can"})
		}
	}
	return out
}

func (p Plan) lintPods() []Lint {
	var out []Lint
	stable := "stable pods"
	if p.rb.Metrics.ByRouter() {
		stable = "routers that count stable's requests"
	}
	switch n := p.Traffic.CandidatePods; {
	case n < 2 && p.rb.Policy.MinCandidatePods < 2:
		out = append(out, Lint{LintWarning, "policy.min_candidate_pods", "1 candidate pod: one noisy node cannot be told from the version, and would roll back a good release",
			"run two candidate pods or more, three is better, and write `min_candidate_pods: 2`"})
	case n < 2:
		out = append(out, Lint{LintMild, "policy.min_candidate_pods", "1 candidate pod: one noisy node cannot be told from the version, so every breach only asks",
			"run two candidate pods or more; three is better"})
	case n < p.rb.Policy.MinCandidatePods:
		out = append(out, Lint{LintMild, "policy.min_candidate_pods", fmt.Sprintf("%d candidate pods are fewer than %d, so every breach only asks", n, p.rb.Policy.MinCandidatePods),
			"run more candidate pods, or ask for fewer"})
	}
	if n := p.Traffic.StablePods; n < analysis.LeastPods {
		out = append(out, Lint{LintWarning, "last_known_good.min_pods", fmt.Sprintf("%d %s: the dispersion cannot be learned from fewer than %d and counts as %g, so every proof takes %g times as long", n, stable, analysis.LeastPods, analysis.UnknownDispersion, analysis.UnknownDispersion),
			fmt.Sprintf("run %d %s or more", analysis.LeastPods, stable)})
	}
	return out
}

// lintControl finds steps without a concurrent control.
func (p Plan) lintControl() []Lint {
	last := p.Steps[len(p.Steps)-1]
	if last.Weight < 100 || analysis.Proved(p.rb) == 0 {
		return nil
	}
	return []Lint{{LintMild, fmt.Sprintf("step %v%%", last.Weight),
		"no concurrent control: with no traffic on stable only before and after can be compared, which does not tell the version from the time of day, so a breach only asks",
		"hold back 1% to 5% on stable until the release is closed"}}
}

// lintKPIs finds windows over which chance alone moves the KPI by more than the gate.
func (p Plan) lintKPIs() []Lint {
	var out []Lint
	for i, t := range p.rb.Triggers {
		if t.Type != runbook.KPIDrop {
			continue
		}
		first, last := p.Steps[0].Weight, p.lastCompared()
		least := p.chance(t, last)
		if first == 100 || least <= float64(t.Drop) {
			continue
		}
		by := fmt.Sprintf("%s at %v%%", short(p.chance(t, first)), first)
		if last != first {
			by += fmt.Sprintf(" and by %s at %v%%", short(least), last)
		}
		out = append(out, Lint{LintWarning, fmt.Sprintf("triggers[%d].for", i),
			fmt.Sprintf("over %s chance alone moves %s by %s, more than the drop of %s: the effect alone is a coin toss, and only the significance decides", t.For, t.KPI, by, t.Drop),
			fmt.Sprintf("write `for: %s` or longer, or name a drop of %s or more; never judge it by a bare threshold", span2(p.quietWindow(t)), short(math.Ceil(least*1e3)/1e3))})
	}
	return out
}

// lintSticky says what sticky routing means for the release, and where the router has none.
func (p Plan) lintSticky() []Lint {
	var out []Lint
	if why := p.rb.Routing.StickyGap(); why != "" {
		out = append(out, Lint{LintWarning, "routing.sticky", why, "take a router that can keep them (docs/routers.md), or leave routing.sticky out"})
	}
	for i, t := range p.rb.Triggers {
		if p.rb.Routing.Sticky && t.Type == runbook.KPIDrop {
			out = append(out, Lint{LintMild, fmt.Sprintf("triggers[%d]", i),
				fmt.Sprintf("%s counts trials, and with routing.sticky the unit is the user: its times to proof are too short where users come more than once, so it only asks", t.Name),
				"count users in the KPI, e.g. the first trial of each, and take its times as the shortest possible"})
		}
	}
	return out
}

// chance is the standard error of the ratio of the sides' levels over the window.
func (p Plan) chance(t runbook.Trigger, weight runbook.Weight) float64 {
	k, share := p.Traffic.KPIs[t.KPI], weight.Share()
	trials := p.Traffic.Rate * k.Trials * t.For.Std().Seconds()
	return math.Sqrt(k.variation() / trials * (1/share + 1/(1-share)))
}

// quietWindow is the window over which that error is as large as the drop.
func (p Plan) quietWindow(t runbook.Trigger) runbook.Duration {
	times := math.Pow(p.chance(t, p.lastCompared())/float64(t.Drop), 2)
	return fromSeconds(times * t.For.Std().Seconds())
}

// lastCompared is the greatest planned weight at which stable has traffic; 99 if none.
func (p Plan) lastCompared() runbook.Weight {
	w := runbook.Weight(99)
	for _, s := range p.Steps {
		if s.Weight < 100 {
			w = s.Weight
		}
	}
	return w
}

// lintVerification finds checks that could not prove recovery in time.
func (p Plan) lintVerification() []Lint {
	var out []Lint
	v, window := p.rb.Verification, p.window
	if have := p.Traffic.Rate * window.Std().Seconds(); have < analysis.MinRequests(p.rb) {
		out = append(out, Lint{LintError, "verification.min_requests", fmt.Sprintf("%s have %.0f requests of %.0f: after every rollback the verdict would be that it cannot be told", window, have, analysis.MinRequests(p.rb)),
			fmt.Sprintf("write `window: %s` or longer, or fewer requests", span2(fromSeconds(analysis.MinRequests(p.rb)/p.Traffic.Rate)))})
	}
	within := v.Within
	if within <= 0 {
		within = runbook.Duration(runbook.VerifyWithin)
	}
	for i, c := range v.Business {
		k, ok := p.Traffic.KPIs[c.KPI]
		if !ok {
			continue
		}
		kpi, _ := p.rb.KPI(c.KPI)
		have := p.Traffic.Rate * k.Trials * within.Std().Seconds()
		need := k.need(float64(c.Tolerance))
		if need <= have {
			continue
		}
		least := p.leastTolerance(k, have)
		fix := "count a business event that is more frequent"
		if least > 0 {
			fix = fmt.Sprintf("write `tolerance: %s`, or %s", short(math.Ceil(least*1e3)/1e3), fix)
		}
		out = append(out, Lint{LintWarning, fmt.Sprintf("verification.business[%d]", i),
			fmt.Sprintf("%s cannot be proved within %s at this traffic: %.0f trials are needed to tell %s from %s, and there are %.0f; the verdict will say so", c.KPI, within, need, p.level(kpi, k.Rate*(1-float64(c.Tolerance))), p.level(kpi, k.Rate), have), fix})
	}
	return out
}

// leastTolerance is the smallest one that so many trials can prove; 0 if none.
func (p Plan) leastTolerance(k Baseline, have float64) float64 {
	if k.need(0.99) > have {
		return 0
	}
	from, to := 0.0, 0.99
	for range 40 {
		if mid := (from + to) / 2; k.need(mid) <= have {
			to = mid
		} else {
			from = mid
		}
	}
	return to
}
