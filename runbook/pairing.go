package runbook

// Pairing is how a pod tells what it serves with what: a gauge of 1 for each pod with
// the bundle, the feature encoder or the model's version as labels, beside the labels
// that every series of the service carries.
type Pairing struct {
	Metric  string `yaml:"metric" json:"metric"`                         // e.g. model_bundle_info
	Bundle  string `yaml:"bundle_label" json:"bundle_label,omitempty"`   // label with the bundle's digest, or its first 12 hex digits or more
	Encoder string `yaml:"encoder_label" json:"encoder_label,omitempty"` // label with features.encoder
	Model   string `yaml:"model_label" json:"model_label,omitempty"`     // label with model.registry.version
}

// Labels are those that are compared.
func (q *Pairing) Labels() []string {
	var out []string
	for _, l := range []string{q.Bundle, q.Encoder, q.Model} {
		if l != "" {
			out = append(out, l)
		}
	}
	return out
}

func (q *Pairing) check(p *page) {
	const at = "verification.pairing"
	if q == nil {
		return
	}
	p.metric(at+".metric", q.Metric, "name the gauge that tells what each pod serves, e.g. model_bundle_info")
	for field, label := range map[string]string{"bundle_label": q.Bundle, "encoder_label": q.Encoder, "model_label": q.Model} {
		if label != "" {
			p.label(at+"."+field, label)
		}
	}
	if len(q.Labels()) == 0 {
		p.missing(at+".bundle_label", "name the label that holds the bundle's digest, or encoder_label, or model_label")
	}
}
