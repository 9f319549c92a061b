// Package diff compares the answers of pairs field by field, tests by segment and hour
// whether the candidate is no worse than the plan's limits, and gives the report with its
// verdict.
//
// It never reads a file, sends nothing, and shows no value that the plan does not allow.
package diff

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/stat"
)

// A Subject says what is judged.
type Subject struct {
	Service   string
	Candidate string // the bundle's digest
	Stable    string
}

// Compare takes all pairs and gives the report. run says how they came about and may
// be filled while they are read; at is the report's time. The error is the first that
// is not about a single record. The same pairs in any order give the same report, save
// for plans whose limits on fields or segments are reached.
func Compare(plan shadow.Plan, who Subject, pairs iter.Seq2[shadow.Pair, error], run *shadow.Run, bad shadow.Bad, at time.Time) (*Report, error) {
	c, err := newComparison(plan)
	if err != nil {
		return nil, err
	}
	if err := c.consume(pairs, &bad); err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	return c.report(who, *run, bad, at), nil
}

func (c *comparison) report(who Subject, run shadow.Run, bad shadow.Bad, at time.Time) *Report {
	c.bucket(segment{"", allHours})
	r := &Report{
		Schema: SchemaReport, Service: who.Service, Candidate: who.Candidate, Stable: who.Stable, At: at.UTC(), Plan: c.plan,
		Window: c.window, Worst: c.worst.list,
	}
	d := &family{}
	for _, at := range order(c.buckets) {
		r.Slices = append(r.Slices, c.slice(c.buckets[at], d))
	}
	forms := c.schemaTests(d)
	rejected := d.reject(float64(c.plan.Alpha))
	r.Fields = slices.Clone(r.Slices[0].Fields)
	for i := range r.Slices {
		shorten(&r.Slices[i])
	}
	r.Counts = c.counts(run, bad)
	r.Findings = slices.Concat(c.schemaFindings(forms), explain(rejected), c.inconclusive(r.Counts))
	c.describe(r, len(d.list))
	r.conclude()
	return r
}

func (c *comparison) counts(run shadow.Run, bad shadow.Bad) Counts {
	whole := c.buckets[segment{"", allHours}]
	return Counts{
		Pairs: whole.pairs, Compared: whole.compared, Again: c.again, Bad: bad, Run: run,
		Untimed: c.untimed, OtherSegs: c.others,
	}
}

// schemaTests returns the fields whose form changed and never does by noise. Of one that
// does, the change is a hypothesis like any other: that it comes as often as the noise.
func (c *comparison) schemaTests(d *family) (certain []int) {
	counts := c.buckets[segment{"", allHours}].fields
	for i := range counts {
		switch t := &counts[i]; {
		case t.rawSchema == 0:
		case t.noiseSchema == 0:
			certain = append(certain, i)
		default:
			b, both := t.schemaOnlyRaw, t.schemaOnlyRaw+t.schemaOnlyNoise
			d.add(hypothesis{
				rule: RuleSchema, field: c.comparator.fields.list[i].path, at: segment{"", allHours},
				effect: rate(b-t.schemaOnlyNoise, t.noiseN), p: stat.BinomialAtLeast(b, both, .5),
			})
		}
	}
	return certain
}

func (c *comparison) schemaFindings(certain []int) (all []Finding) {
	for _, i := range certain {
		f, t := c.comparator.fields.list[i], c.buckets[segment{"", allHours}].fields[i]
		all = append(all, Finding{
			Verdict: shadow.Block, Rule: RuleSchema, Field: f.path, Effect: rate(t.rawSchema, t.n),
			Text: fmt.Sprintf("%s is missing, extra or of another type in %d of %d answers; allow it in allow_missing or allow_extra if that is meant", f.path, t.rawSchema, t.n),
		})
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Or(cmp.Compare(b.Effect, a.Effect), cmp.Compare(a.Field, b.Field)) })
	return all
}

// conclude gives the verdict: what blocks goes before what leaves the matter open.
func (r *Report) conclude() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Verdict, b.Verdict), // "block" stands before "inconclusive"
			cmp.Compare(slices.Index(ruleOrder, a.Rule), slices.Index(ruleOrder, b.Rule)),
		)
	})
	if len(r.Findings) == 0 {
		r.Verdict, r.Rule = shadow.Pass, RuleAll
		r.Reason = fmt.Sprintf("%d answers compared, %d tests, none finds more than its limit", r.Counts.Compared, r.Method.Tests)
		return
	}
	first := r.Findings[0]
	r.Verdict, r.Rule, r.Reason = first.Verdict, first.Rule, first.Text
}

// Differences compares one answer with a stored one by the plan's rules for fields, and
// returns the paths of the fields that differ, sorted; none means that they are equal.
// Values are not told: they may be somebody's.
func Differences(plan shadow.Plan, stored, got []byte) ([]string, error) {
	c, err := newComparison(plan)
	if err != nil {
		return nil, fmt.Errorf("compare answers: %w", err)
	}
	c.comparator.pair++
	c.comparator.compare(c.comparator.fields.root, shadow.DecodeBody(stored), shadow.DecodeBody(got))
	var paths []string
	for _, f := range c.comparator.touched {
		if f.seen.raw != 0 {
			paths = append(paths, f.path)
		}
	}
	slices.Sort(paths)
	return paths, nil
}
