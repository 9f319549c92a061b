package rules

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// limit asks for an absolute limit over all versions, straight from the service's
// series: it needs no release. Without a region it asks for all, and answers with
// region, if the series tell regions.
func (b *book) limit(t runbook.Trigger, region string) string {
	w := b.window(t.For, b.inRegion(region))
	l := b.Metrics.RegionLabel
	if l != "" && region == "" {
		w = w.keeping(l)
	}
	text := fmt.Sprintf("%s > %s and %s >= %s", b.anyVersion(t, w), num(absoluteLimit(t)), b.behind(t, w), num(b.leastBehind(t)))
	if len(w.by) > 0 && l != "region" {
		return fmt.Sprintf("max by (region) (%s)", copyLabel(text, "region", l))
	}
	return text
}

// anyVersion is what an absolute trigger measures.
func (b *book) anyVersion(t runbook.Trigger, w window) string {
	switch {
	case t.Type == runbook.DistributionShift:
		return w.fromReference(t)
	case t.Ceiling > 0:
		return w.quantile(t.Quantile)
	}
	return w.errorRate()
}

func absoluteLimit(t runbook.Trigger) float64 {
	switch {
	case t.Type == runbook.DistributionShift:
		return float64(t.Distance)
	case t.Ceiling > 0:
		return t.Ceiling.Std().Seconds()
	}
	return float64(t.Above)
}

// behind is how many observations stand behind it.
func (b *book) behind(t runbook.Trigger, w window) string {
	switch {
	case t.Type == runbook.DistributionShift:
		d, _ := b.Metrics.Distribution(t.Distribution)
		return w.count(counter{d.Histogram + "_bucket", []string{`le="+Inf"`}})
	case t.Ceiling > 0:
		return w.observed()
	}
	return w.requests()
}

func (b *book) leastBehind(t runbook.Trigger) float64 {
	if t.Ceiling > 0 {
		return b.minObserved(t.Quantile)
	}
	return b.minRequests()
}

func (b *book) minRequests() float64 { return analysis.MinRequests(b.Runbook) }

func (b *book) minObserved(q float64) float64 { return MinObserved(b.Runbook, q) }

// MinObserved is how many observations must stand behind an absolute limit of a quantile:
// ten above it, and no fewer than [analysis.MinRequests].
func MinObserved(rb *runbook.Runbook, q float64) float64 {
	return max(analysis.MinRequests(rb), math.Ceil(10/(1-q)-1e-6))
}

// inRegion is the matcher of the region, if the series tell regions.
func (b *book) inRegion(region string) string {
	if b.Metrics.RegionLabel == "" || region == "" {
		return ""
	}
	return match(b.Metrics.RegionLabel, region)
}
