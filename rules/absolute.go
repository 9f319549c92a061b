package rules

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// defaultMinRequests is the least number of requests behind an absolute limit, where
// the runbook's verification names none.
const defaultMinRequests = 100

// limit asks for an absolute limit over all versions, straight from the service's
// series: it needs no release. It answers with region, if the series tell regions.
func (b *book) limit(t runbook.Trigger, region string) string {
	w := window{b: b, where: b.inRegion(region), length: t.For.String(), by: b.Metrics.RegionLabel}
	var text string
	if t.Type == runbook.DistributionShift {
		d, _ := b.Metrics.Distribution(t.Distribution)
		text = fmt.Sprintf("%s > %s and %s >= %s", w.fromReference(t), num(float64(t.Distance)), w.values(d), num(b.minRequests()))
	} else if t.Ceiling > 0 {
		text = fmt.Sprintf("%s > %s and %s >= %s", w.quantile(t.Quantile), num(t.Ceiling.Std().Seconds()),
			w.observed(), num(b.minObserved(t.Quantile)))
	} else {
		text = fmt.Sprintf("%s > %s and %s >= %s", w.errorRate(), num(float64(t.Above)), w.requests(), num(b.minRequests()))
	}
	if l := b.Metrics.RegionLabel; l != "" && l != "region" {
		return fmt.Sprintf("max by (region) (%s)", copyLabel(text, "region", l))
	}
	return text
}

func (b *book) minRequests() float64 {
	if n := b.Verification.MinRequests; n > 0 {
		return float64(n)
	}
	return defaultMinRequests
}

// minObserved wants ten observations above the quantile.
func (b *book) minObserved(q float64) float64 {
	return max(b.minRequests(), math.Ceil(10/(1-q)-1e-6))
}

// inRegion is the matcher of the region, if the series tell regions.
func (b *book) inRegion(region string) string {
	if b.Metrics.RegionLabel == "" || region == "" {
		return ""
	}
	return match(b.Metrics.RegionLabel, region)
}
