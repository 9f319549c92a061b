package diff

import (
	"fmt"

	"github.com/autorollback/autorollback/shadow/stat"
)

// describe fills what the report says about itself.
func (c *comparison) describe(r *Report, tests int) {
	noise := c.again > 0 && 2*c.again >= r.Counts.Compared
	limits := c.plan.Limits
	r.Method = Method{Alpha: float64(c.plan.Alpha), Tests: tests, Noise: noise, Timezone: c.plan.Timezone}
	r.Method.Text = []string{
		fmt.Sprintf("%d hypotheses of the form \"no worse than the limit\" were tested together. Holm's correction holds the chance of even one false alarm over all of them at %s, for requests that are independent of each other.", tests, Percent(float64(c.plan.Alpha))),
		"Mismatch: a request counts once for each field, however many elements differ. Excess is the mismatch of candidate and stable less that of stable and stable asked again. The test is exact (binomial tails over the requests in which only the one or only the other differs); the bounds shown are 95 % (Wilson, and Newcombe for the difference).",
		fmt.Sprintf("Drift: PSI over %d bins at quantiles of stable's scores in the same slice, ε %g, natural logarithm, from %d samples up; it blocks at %g or more if χ² refutes that nothing moved. Shift: mean difference of the pairs in stable's standard deviations, by the normal distribution.", stat.PSIBins, stat.PSIEpsilon, limits.DriftSamples, limits.PSI),
		"Errors: exact, as mismatch. Latency: exact binomial tails about the 95 % quantile, from histograms with buckets of at most 6.3 %.",
		fmt.Sprintf("Slices with fewer than %d requests are not tested. Hours are %s. The schema rule is no test: one changed form blocks, unless stable's own answers change it as well.", limits.SegmentSamples, c.plan.Timezone),
	}
	r.Scores = []string{}
	for i := range c.buckets[segment{"", allHours}].drifts {
		if f := c.scored(i); f != nil {
			r.Scores = append(r.Scores, f.path)
		}
	}
	if all := c.comparator.fields; all.list != nil {
		for _, f := range all.list {
			if f.confusion != nil && f.confusion.n > 0 {
				labels, counts := f.confusion.matrix()
				r.Flips = append(r.Flips, Matrix{f.path, labels, counts})
			}
		}
	}
	c.notes(r, noise)
}

func (c *comparison) notes(r *Report, noise bool) {
	note := func(when bool, format string, a ...any) {
		if when {
			r.Notes = append(r.Notes, fmt.Sprintf(format, a...))
		}
	}
	n := r.Counts
	note(!noise, "Stable was not asked twice: the noise is not known, and every mismatch counts.")
	note(n.Untimed > 0, "%d of %d requests have no time and belong to no hour.", n.Untimed, n.Pairs)
	note(n.OtherSegs > 0, "More than %d segments: further ones are one, (others).", c.plan.MaxSegments)
	note(c.comparator.fields.others != nil, "More than %d fields: further ones are one, (others). Name what changes from answer to answer with an ignore rule.", c.plan.MaxFields)
	note(len(c.plan.Scores) == 0 && len(r.Scores) > 0, "The plan names no scores: the first %d numeric fields were watched.", len(r.Scores))
	note(len(r.Scores) == 0, "No score was watched, so drift was not checked.")
	for _, text := range n.Run.Notes {
		note(true, "%s", text)
	}
}
