package demo

import "strings"

// DrillRunbook is the demo's runbook with the triggers on data as well.
func DrillRunbook() []byte {
	metrics := `  features: {nulls: feature_nulls_total, rows: feature_rows_total, label: feature}
  schema: {mismatches: schema_mismatches_total}
  distributions:
    - {name: score, histogram: model_score, kind: classic, buckets: [.1, .2, .3, .4, .5, .6, .7, .8, .9]}
`
	triggers := `  - {name: missing-features, type: null_spike, severity: severe, by: 5%, for: 10s}
  - {name: schema-mismatch, type: schema_mismatch, severity: severe, above: 1%, for: 10s}
  - {name: score-shift, type: distribution_shift, severity: mild, distribution: score, distance: 10%, for: 20s}
`
	// A blank line stands before both sections.
	text := strings.Replace(string(Runbook), "\ntriggers:\n", metrics+"\ntriggers:\n", 1)
	return []byte(strings.Replace(text, "\nrouting:\n", triggers+"\nrouting:\n", 1))
}
