package runbook

import "time"

// fill sets the trigger's defaults, by its type. The first four types have no window
// by default: their sentence is not complete without one.
func (t *Trigger) fill(p *page, at string) {
	t.Line = p.line(at)
	window := func(d time.Duration) { preset(p, at+".for", &t.For, Duration(d)) }
	switch t.Type {
	case ErrorIncrease, Compare:
		preset(p, at+".by", &t.By, 0.005)
		preset(p, at+".min_ratio", &t.MinRatio, 1.5)
		window(5 * time.Minute)
	case NullSpike:
		preset(p, at+".by", &t.By, 0.01)
		window(5 * time.Minute)
	case SchemaMismatch:
		preset(p, at+".above", &t.Above, 0.001)
		window(5 * time.Minute)
	case DistributionShift:
		t.fillShift(p, at)
		window(30 * time.Minute)
	case CanaryStarved:
		preset(p, at+".below", &t.Below, 0.5)
		window(3 * time.Minute)
	case Anomaly, DriftGauge:
		preset(p, at+".severity", &t.Severity, Mild)
		window(5 * time.Minute)
	}
	if t.Absolute() {
		preset(p, at+".severity", &t.Severity, Page)
	}
}

func (t *Trigger) fillShift(p *page, at string) {
	preset(p, at+".against", &t.Against, AgainstStable)
	if !p.has(at + ".psi") {
		preset(p, at+".distance", &t.Distance, 0.1)
	}
}
