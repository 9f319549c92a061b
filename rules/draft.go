package rules

import "github.com/autorollback/autorollback/runbook"

// A draft is a rule whose expression has not been parsed.
type draft struct {
	record, alert       string
	text                string
	wait, keep          runbook.Duration
	labels, annotations map[string]string
	comment             string
}

// finish parses the draft. Every rule carries its service.
func (b *book) finish(d draft) (Rule, error) {
	e, err := b.parse(d.text)
	if err != nil {
		return Rule{}, err
	}
	labels := map[string]string{"service": b.Service}
	for k, v := range d.labels {
		labels[k] = v
	}
	return Rule{Record: d.record, Alert: d.alert, Expr: e, For: d.wait, KeepFiringFor: d.keep,
		Labels: labels, Annotations: d.annotations, Comment: d.comment}, nil
}

func labelsOf(pairs ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}
