package rules

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/autorollback/autorollback/runbook"
)

// A MutantReport tells which mutants of a runbook's rules its unit tests catch.
type MutantReport struct {
	Service   string        `json:"service"`
	Tests     int           `json:"tests"`
	Kinds     []MutantCount `json:"kinds"`
	Survivors []Mutant      `json:"survivors"`
	Mutants   []Mutant      `json:"mutants"` // all of them, in the order of the rules
}

// A MutantCount is a row of the table. Total is Caught, Explained and the rest, which
// is a hole in the tests.
type MutantCount struct {
	Kind      MutantKind `json:"kind"`
	Total     int        `json:"total"`
	Caught    int        `json:"caught"`
	Explained int        `json:"explained"`
}

// MutantOptions bound a run.
type MutantOptions struct {
	Workers  int                   // at once; 1 if less
	Sample   int                   // how many mutants, evenly spread; 0: all
	Progress func(done, total int) // may be nil; called from several goroutines
}

// Mutants runs the suite against every mutant of the rules it was made for, in this
// process. It returns when all are judged, or ctx ends. An error is a suite that does
// not pass without any change, or rules that cannot be evaluated.
func (s Suite) Mutants(ctx context.Context, o MutantOptions) (MutantReport, error) {
	g, err := Compile(s.rb)
	if err != nil {
		return MutantReport{}, err
	}
	h := &hunt{player: newPlayer(g), workers: max(1, o.Workers)}
	if err := h.rehearse(ctx, s.cases); err != nil {
		return MutantReport{}, fmt.Errorf("test %s without mutants: %w", s.rb.Service, err)
	}
	all, err := mutantsOf(g)
	if err != nil {
		return MutantReport{}, fmt.Errorf("change the rules of %s: %w", s.rb.Service, err)
	}
	all = sampleOf(all, o.Sample)
	if err := h.catch(ctx, all, o.Progress); err != nil {
		return MutantReport{}, err
	}
	return report(s, all), nil
}

func report(s Suite, all []Mutant) MutantReport {
	r := MutantReport{Service: s.rb.Service, Tests: s.Len(), Mutants: all}
	for _, k := range mutantKinds() {
		c := MutantCount{Kind: k}
		for _, m := range all {
			switch {
			case m.Kind != k:
				continue
			case !m.Survived():
				c.Caught++
			case m.Equal != "":
				c.Explained++
			}
			c.Total++
		}
		r.Kinds = append(r.Kinds, c)
	}
	for _, m := range all {
		if m.Survived() {
			r.Survivors = append(r.Survivors, m)
		}
	}
	return r
}

// Holes are the survivors that nothing explains.
func (r MutantReport) Holes() []Mutant {
	return slices.DeleteFunc(slices.Clone(r.Survivors), func(m Mutant) bool { return m.Equal != "" })
}

// A hunt holds all trials of a suite against mutants.
type hunt struct {
	player  *player
	workers int
	trials  []*trial
	reads   [][]reading // what each rule reads
}

// each calls do for 0 to n-1 on the hunt's workers.
func (h *hunt) each(ctx context.Context, n int, do func(i int) error) error {
	var next atomic.Int64
	errs := make([]error, h.workers)
	var wg sync.WaitGroup
	for w := range h.workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[w] == nil; i = int(next.Add(1)) - 1 {
				if errs[w] = ctx.Err(); errs[w] == nil {
					errs[w] = do(i)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// rehearse plays all cases with the rules as they are.
func (h *hunt) rehearse(ctx context.Context, cases []unitCase) error {
	h.trials = make([]*trial, len(cases))
	for _, r := range h.player.rules {
		read, err := readingsOf(r.Expr.String())
		if err != nil {
			return err
		}
		h.reads = append(h.reads, read)
	}
	return h.each(ctx, len(cases), func(i int) error {
		t, err := h.player.play(ctx, cases[i])
		if err != nil {
			return fmt.Errorf("%s: %s: %w", cases[i].trigger, cases[i].name, err)
		}
		if wrong := t.faults(h.player.rules); len(wrong) > 0 {
			return fmt.Errorf("%s: %s", cases[i].trigger, wrong[0])
		}
		h.trials[i] = t
		return nil
	})
}

// shortFirst puts the cheap cases first.
func (h *hunt) shortFirst() []*trial {
	out := slices.Clone(h.trials)
	slices.SortStableFunc(out, func(a, b *trial) int { return a.last - b.last })
	return out
}

// catch judges the mutants; those of one rule one after another, each beginning with
// the tests that caught the ones before.
func (h *hunt) catch(ctx context.Context, all []Mutant, progress func(done, total int)) error {
	var ends []int
	for i := range all {
		if i+1 == len(all) || all[i+1].index != all[i].index {
			ends = append(ends, i+1)
		}
	}
	var done atomic.Int64
	return h.each(ctx, len(ends), func(n int) error {
		from, order := 0, h.shortFirst()
		if n > 0 {
			from = ends[n-1]
		}
		for i := from; i < ends[n]; i++ {
			if err := h.judge(ctx, &all[i], order); err != nil {
				return err
			}
			if progress != nil {
				progress(int(done.Add(1)), len(all))
			}
		}
		return nil
	})
}

func (h *hunt) judge(ctx context.Context, m *Mutant, order []*trial) error {
	for i, t := range order {
		caught, err := h.test(ctx, t, *m)
		if err != nil {
			return err
		}
		if caught != "" {
			m.Caught = t.of.trigger + ": " + caught
			copy(order[1:i+1], order[:i])
			order[0] = t
			return nil
		}
	}
	m.Equal = newSuspect(h.player.rules[m.index], *m, h.player.interval, h.longest()).because()
	return nil
}

// longest is the length of the longest case.
func (h *hunt) longest() runbook.Duration {
	steps := 0
	for _, t := range h.trials {
		steps = max(steps, t.last)
	}
	return runbook.Duration(steps) * h.player.interval
}

// test plays one case against one mutant: only the changed rule, and the rules for
// which that changes anything. A rule that cannot be evaluated fails its test.
func (h *hunt) test(ctx context.Context, t *trial, m Mutant) (string, error) {
	changed := map[int][]*held{}
	for i := m.index; i < len(h.player.rules); i++ {
		r, text := h.player.rules[i], h.player.rules[i].Expr.String()
		switch {
		case i == m.index:
			r, text = m.rule, m.text
		case !h.touched(i, changed):
			continue
		}
		got, err := h.player.eval(ctx, t, h.sees(t, i, changed), r, text)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case err != nil:
			return t.of.name, nil
		}
		same := sameOut(got, t.out[i])
		if !same {
			changed[i] = got
		}
		if r.Alert != "" && (!same || i == m.index) && t.wrong(r, got) != "" {
			return t.of.name, nil
		}
		if !same && t.wrongValue(i, got) != "" {
			return t.of.name, nil
		}
		if i == m.index && same {
			return "", nil
		}
	}
	return "", nil
}

// A reading is a selector of an expression.
type reading struct {
	name     string
	matchers []*labels.Matcher
}

func readingsOf(text string) ([]reading, error) {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return nil, fmt.Errorf("parse %q: %w", text, err)
	}
	var out []reading
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			out = append(out, reading{s.Name, s.LabelMatchers})
		}
		return nil
	})
	return out, nil
}

// of reports whether it may read what a rule records.
func (r reading) of(rule Rule) bool {
	return rule.Alert == "" && (r.name == "" || r.name == rule.Record) && !slices.ContainsFunc(r.matchers, func(m *labels.Matcher) bool {
		v, fixed := rule.Labels[m.Name]
		return fixed && !m.Matches(v)
	})
}

// touched reports whether a rule may read what has changed.
func (h *hunt) touched(i int, changed map[int][]*held) bool {
	for k := range changed {
		for _, r := range h.reads[i] {
			if r.name == "" || r.name == h.player.rules[k].Record {
				return true
			}
		}
	}
	return false
}

// sees is what a rule can read of the case's own series and of the rules before it.
func (h *hunt) sees(t *trial, i int, changed map[int][]*held) shelf {
	out := shelf{}
	out.put(t.input)
	for k := range i {
		if h.player.rules[k].Alert != "" {
			continue
		}
		if got, is := changed[k]; is {
			out.put(got)
		} else {
			out.put(t.out[k])
		}
	}
	return out
}
