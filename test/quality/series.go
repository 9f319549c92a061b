package quality

import "strconv"

// A Sample is one series of one pod at one scrape.
type Sample struct {
	Name   string
	Labels [][2]string // beside those of the pod
	Value  float64
}

// Samples are a scrape's series as a Prometheus would store them, named as [Runbook] asks
// for them. As in most libraries, the series of a rare event appears with the first one.
func (s Shape) Samples(r Reading) []Sample {
	var out []Sample
	put := func(name string, v float64, labels ...[2]string) { out = append(out, Sample{name, labels, v}) }
	rare := func(name string, v float64, labels ...[2]string) {
		if v > 0 {
			put(name, v, labels...)
		}
	}
	put("requests_total", r[atGood], [2]string{"code", "200"})
	if s.Errors {
		rare("requests_total", r[atFailed], [2]string{"code", "503"})
	}
	if s.KPI {
		put("trials_total", r[atTrials])
		rare("conversions_total", r[atSuccesses])
	}
	if s.Schema {
		put("checks_total", r[atChecks])
		rare("mismatches_total", r[atMismatches])
	}
	for i, f := range s.Features {
		put("rows_total", r[s.rows(i)], [2]string{"feature", f})
		rare("nulls_total", r[s.nulls(i)], [2]string{"feature", f})
	}
	out = append(out, histogram("latency_seconds_bucket", s.Latency, r[s.latency():])...)
	return append(out, histogram("score_bucket", s.Score, r[s.score():])...)
}

func histogram(name string, bounds []float64, r Reading) []Sample {
	var out []Sample
	for i := range buckets(bounds) {
		out = append(out, Sample{name, [][2]string{{"le", le(bounds, i)}}, r[i]})
	}
	return out
}

// le names the bucket of a bound, or the last one.
func le(bounds []float64, i int) string {
	if i == len(bounds) {
		return "+Inf"
	}
	return strconv.FormatFloat(bounds[i], 'g', -1, 64)
}
