package shadow

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"
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
func Compare(plan Plan, who Subject, pairs iter.Seq2[Pair, error], run *Run, bad Bad, at time.Time) (*Report, error) {
	c, err := newComparison(plan)
	if err != nil {
		return nil, err
	}
	if err := c.consume(pairs, &bad); err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	return c.report(who, *run, bad, at), nil
}

func (c *comparison) report(who Subject, run Run, bad Bad, at time.Time) *Report {
	c.cell(place{"", allHours})
	r := &Report{
		Schema: SchemaReport, Service: who.Service, Candidate: who.Candidate, Stable: who.Stable, At: at.UTC(), Plan: c.plan,
		Window: Window{c.from, c.to}, Worst: c.worst.list,
	}
	d := &docket{}
	for _, at := range order(c.cells) {
		r.Slices = append(r.Slices, c.slice(c.cells[at], d))
	}
	forms := c.forms(d)
	refuted := d.judge(float64(c.plan.Alpha))
	r.Fields = slices.Clone(r.Slices[0].Fields)
	for i := range r.Slices {
		shorten(&r.Slices[i])
	}
	r.Counts = c.counts(run, bad)
	r.Findings = slices.Concat(c.schemaFindings(forms), explain(refuted), c.open(r.Counts))
	c.describe(r, len(d.list))
	r.conclude()
	return r
}

func (c *comparison) counts(run Run, bad Bad) Counts {
	whole := c.cells[place{"", allHours}]
	return Counts{
		Pairs: whole.pairs, Compared: whole.compared, Again: c.again, Bad: bad, Run: run,
		Untimed: whole.pairs - c.timed, OtherSegs: c.others,
	}
}

// forms returns the fields whose form changed and never does by noise. Of one that
// does, the change is a hypothesis like any other: that it comes as often as the noise.
func (c *comparison) forms(d *docket) (certain []int) {
	tallies := c.cells[place{"", allHours}].tallies
	for i := range tallies {
		switch t := &tallies[i]; {
		case t.rawSchema == 0:
		case t.noiseSchema == 0:
			certain = append(certain, i)
		default:
			b, both := t.schemaOnlyRaw, t.schemaOnlyRaw+t.schemaOnlyNoise
			d.test(hypothesis{
				rule: RuleSchema, field: c.walk.fields.list[i].path, at: place{"", allHours},
				effect: rate(b-t.schemaOnlyNoise, t.noiseN), p: tailAtLeast(b, both, .5),
			})
		}
	}
	return certain
}

func (c *comparison) schemaFindings(certain []int) (all []Finding) {
	for _, i := range certain {
		f, t := c.walk.fields.list[i], c.cells[place{"", allHours}].tallies[i]
		all = append(all, Finding{
			Verdict: Block, Rule: RuleSchema, Field: f.path, Effect: rate(t.rawSchema, t.n),
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
		r.Verdict, r.Rule = Pass, RuleAll
		r.Reason = fmt.Sprintf("%d answers compared, %d tests, none finds more than its limit", r.Counts.Compared, r.Method.Tests)
		return
	}
	first := r.Findings[0]
	r.Verdict, r.Rule, r.Reason = first.Verdict, first.Rule, first.Text
}

// Differences compares one answer with a stored one by the plan's rules for fields, and
// returns the paths of the fields that differ, sorted; none means that they are equal.
// Values are not told: they may be somebody's.
func Differences(plan Plan, stored, got []byte) ([]string, error) {
	c, err := newComparison(plan)
	if err != nil {
		return nil, fmt.Errorf("compare answers: %w", err)
	}
	c.walk.pair++
	c.walk.compare(c.walk.fields.root, decodeBody(stored), decodeBody(got))
	var paths []string
	for _, f := range c.walk.touched {
		if f.seen.raw != 0 {
			paths = append(paths, f.path)
		}
	}
	slices.Sort(paths)
	return paths, nil
}
