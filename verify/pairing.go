package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

const (
	// PairQuestion begins Answer.Question of what the pods of a version serve.
	PairQuestion = "pairing"

	// digestShown is how many hex digits of a bundle's digest a pod must tell at least.
	digestShown = 12
)

// Pairing asks whether every pod of one side serves that side's bundle: the model with
// its own encoder. Good: each pod that reports says so. Bad: one serves another pair.
// Unknown: none reports. False if the runbook does not say how pods tell it.
func (p *Prometheus) Pairing(ctx context.Context, q rules.Questions, how *runbook.Pairing, rel record.Release, side runbook.Role, bundle runbook.Bundle) (record.Answer, bool) {
	expr, ok := q.Pairing(rel, side)
	if !ok || how == nil {
		return record.Answer{}, false
	}
	ctx, cancel := p.within(ctx)
	defer cancel()
	version := rel.Stable.Version
	if side == runbook.Candidate {
		version = rel.Candidate.Version
	}
	named := PairQuestion + " " + version
	r := p.ask(ctx, []question{{name: named, expr: expr}})[0]
	a := record.Answer{Question: named, Query: r.query, At: time.Now().UTC()}
	a.Health, a.Text, a.Value, a.Samples = pairs(&r, how, version, bundle)
	return a, true
}

// pairs judges the counted pods; value is how many serve the bundle, of samples.
func pairs(r *reply, how *runbook.Pairing, version string, bundle runbook.Bundle) (h record.Health, text string, value, samples float64) {
	if r.problem != "" {
		return record.Unknown, fmt.Sprintf("cannot tell what the pods of %s serve: %s", version, r.problem), 0, 0
	}
	var wrong []string
	for _, s := range r.samples {
		n := float64(s.Value)
		samples += n
		if other := mismatch(s.Metric, how, bundle); other != "" {
			wrong = append(wrong, fmt.Sprintf("%s with %s", count(n), other))
			continue
		}
		value += n
	}
	switch {
	case samples == 0:
		return record.Unknown, fmt.Sprintf("no pod of %s says what it serves", version), 0, 0
	case len(wrong) > 0:
		return record.Bad, fmt.Sprintf("%s of %s pods of %s serve another pair: %s", count(samples-value), count(samples), version, clip(strings.Join(wrong, ", "), 300)), value, samples
	}
	return record.Good, fmt.Sprintf("all %s pods of %s serve its bundle", count(samples), version), value, samples
}

// mismatch names what a pod serves instead; empty: what the bundle says.
func mismatch(m model.Metric, how *runbook.Pairing, b runbook.Bundle) string {
	for _, one := range []struct{ label, what, want string }{
		{how.Encoder, "encoder", b.Features.Encoder},
		{how.Model, "model version", b.Model.Registry.Version},
	} {
		if got := string(m[model.LabelName(one.label)]); one.label != "" && got != one.want {
			return fmt.Sprintf("%s %q instead of %q", one.what, got, one.want)
		}
	}
	if got := string(m[model.LabelName(how.Bundle)]); how.Bundle != "" && !sameDigest(got, b.Digest()) {
		return fmt.Sprintf("bundle %q", got)
	}
	return ""
}

// sameDigest takes the whole digest, with or without its prefix, or its beginning.
func sameDigest(got, digest string) bool {
	hex := strings.TrimPrefix(digest, "sha256:")
	got = strings.TrimPrefix(got, "sha256:")
	return len(got) >= digestShown && strings.HasPrefix(hex, got)
}
