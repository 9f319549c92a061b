package runbook

import (
	"fmt"
	"slices"
)

// fields are what a trigger's type demands and allows beside name, type, severity and
// for.
func (t Trigger) fields(p *page, at string) (need, may []string) {
	switch t.Type {
	case LatencyQuantile:
		if p.has(at + ".ceiling") {
			return []string{"quantile", "ceiling"}, []string{"increase", "style"}
		}
		return []string{"quantile", "increase"}, []string{"style"}
	case ErrorRate:
		return []string{"above"}, []string{"style"}
	case ErrorIncrease:
		return nil, []string{"by", "min_ratio", "style"}
	case KPIDrop:
		return []string{"kpi", "drop"}, []string{"style"}
	case NullSpike:
		return nil, []string{"by"}
	case SchemaMismatch:
		return nil, []string{"above", "style"}
	case DistributionShift:
		return []string{"distribution"}, []string{"distance", "psi", "against"}
	case CanaryStarved:
		return nil, []string{"below"}
	case Compare:
		return []string{"bad", "all"}, []string{"by", "min_ratio", "style"}
	case Anomaly:
		return []string{"expr"}, []string{"unprotected"}
	case DriftGauge:
		return nil, []string{"unprotected"}
	default:
		return t.absoluteFields(p, at), nil
	}
}

// checkFields demands the fields of the trigger's type and refuses all others.
func (t Trigger) checkFields(p *page, at string) {
	if !slices.Contains(triggerTypes(), string(t.Type)) {
		return
	}
	example := map[string]string{
		"quantile": "quantile: 0.95", "increase": "increase: 30%", "above": "above: 5%", "by": "by: 0.5%", "min_ratio": "min_ratio: 1.5",
		"kpi": "kpi: conversion", "drop": "drop: 2%", "ceiling": "ceiling: 800ms", "below": "below: 50%", "style": "style: threshold",
		"distribution": "distribution: score", "distance": "distance: 10%", "psi": "psi: 0.25", "against": "against: stable",
		"bad": `bad: fallbacks_total{kind="empty"}`, "all": "all: requests_total", "expr": "expr: queue_length > 100", "unprotected": "unprotected: true",
	}
	need, may := t.fields(p, at)
	for _, field := range sortedKeys(example) {
		path := join(at, field)
		switch needed := slices.Contains(need, field); {
		case needed && !p.has(path):
			p.missing(path, fmt.Sprintf("a trigger of type %s needs it, e.g. `%s`", t.Type, example[field]))
		case !needed && !slices.Contains(may, field) && p.has(path):
			p.add(path, fmt.Sprintf("does not belong to a trigger of type %s", t.Type), "remove it, or change the type")
		}
	}
	t.checkSizes(p, at)
	t.checkWords(p, at)
}

func (t Trigger) checkSizes(p *page, at string) {
	if p.has(at+".quantile") && (t.Quantile <= 0 || t.Quantile >= 1) {
		p.add(at+".quantile", fmt.Sprintf("%v is not between 0 and 1", t.Quantile), "write 0.95 for P95")
	}
	if p.has(at+".increase") && t.Increase <= 0 {
		p.add(at+".increase", "must be above 0%", "write how much slower than stable is too slow, e.g. 30%")
	}
	for field, r := range map[string]Ratio{"above": t.Above, "drop": t.Drop, "by": t.By, "below": t.Below, "distance": t.Distance} {
		p.share(join(at, field), r)
	}
	if p.has(at+".min_ratio") && (t.MinRatio < 1 || t.MinRatio > 100) {
		p.add(at+".min_ratio", fmt.Sprintf("%v is not between 1 and 100", t.MinRatio), "write how many times stable's share it must be, e.g. 1.5")
	}
	if p.has(at+".psi") && (t.PSI <= 0 || t.PSI > 10) {
		p.add(at+".psi", fmt.Sprintf("%v is not between 0 and 10", t.PSI), "write e.g. 0.25")
	}
	if p.has(at + ".ceiling") {
		p.positive(at+".ceiling", t.Ceiling)
	}
}

// checkWords checks the fields that are one of a few words, and pairs of fields.
func (t Trigger) checkWords(p *page, at string) {
	if p.has(at + ".style") {
		if t.Type == KPIDrop && t.Style == ByThreshold {
			p.add(at+".style", "\"threshold\" is refused for a KPI", "leave it out: as a bare threshold, a small drop of a KPI rolls back nearly every good release")
		}
		p.oneOf(at+".style", string(t.Style), string(ByEvidence), string(ByThreshold))
	}
	if p.has(at + ".against") {
		p.oneOf(at+".against", t.Against, AgainstStable, AgainstReference)
	}
	if p.has(at+".distance") && p.has(at+".psi") {
		p.add(at+".psi", "stands beside distance", "keep one of the two")
	}
	if t.PSI > 0 && t.Against == AgainstReference {
		p.add(at+".psi", "cannot be held against a reference", "write distance, e.g. 10%")
	}
}
