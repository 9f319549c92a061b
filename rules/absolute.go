package rules

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// A bound is an absolute limit on a level over all versions, and how many observations
// must stand behind that level.
type bound struct {
	level, behind func(w window) string
	limit, least  float64
}

// limit asks for an absolute limit over all versions, straight from the service's
// series: it needs no release. Without a region it asks for all, and answers with
// region, if the series tell regions.
func (b *compiler) limit(t runbook.Trigger, region string) string {
	w := b.window(t.For, b.inRegion(region))
	l := b.Metrics.RegionLabel
	if l != "" && region == "" {
		w = w.keeping(l)
	}
	a := kinds[t.Type].absolute(b, t)
	text := fmt.Sprintf("%s > %s and %s >= %s", a.level(w), num(a.limit), a.behind(w), num(a.least))
	if len(w.by) > 0 && l != "region" {
		return fmt.Sprintf("max by (region) (%s)", copyLabel(text, "region", l))
	}
	return text
}

func (b *compiler) minRequests() float64 { return analysis.MinRequests(b.Runbook) }

func (b *compiler) minObserved(q float64) float64 { return MinObserved(b.Runbook, q) }

// MinObserved is how many observations must stand behind an absolute limit of a quantile:
// ten above it, and no fewer than [analysis.MinRequests].
func MinObserved(rb *runbook.Runbook, q float64) float64 {
	return max(analysis.MinRequests(rb), math.Ceil(10/(1-q)-1e-6))
}

// inRegion is the matcher of the region, if the series tell regions.
func (b *compiler) inRegion(region string) string {
	if b.Metrics.RegionLabel == "" || region == "" {
		return ""
	}
	return match(b.Metrics.RegionLabel, region)
}
