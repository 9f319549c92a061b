package rules

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/autorollback/autorollback/runbook"
)

// A trial is a unit test that was played in this process, with what every rule recorded.
// It takes each rule over all steps at once, in the order of the group, and so is some
// twenty times faster than promtool, which stays the judge of the rules as generated.
type trial struct {
	of       unitCase
	interval runbook.Duration
	last     int                 // step
	input    []*held             // the case's own series
	out      [][]*held           // of each rule; an alert's hold its values
	values   map[int][]unitValue // what each rule is held to
}

// A player plays trials of one runbook's rules.
type player struct {
	engine   *promql.Engine
	rules    []Rule
	interval runbook.Duration
}

func newPlayer(g Group) *player {
	p := parser.NewParser(parser.Options{})
	return &player{rules: g.Rules, interval: g.Interval, engine: promql.NewEngine(promql.EngineOpts{
		Logger: promslog.NewNopLogger(), MaxSamples: 50_000_000, Timeout: time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: p,
	})}
}

// play evaluates all rules in a case.
func (p *player) play(ctx context.Context, c unitCase) (*trial, error) {
	t := &trial{of: c, interval: p.interval, out: make([][]*held, len(p.rules)), last: c.last()}
	reader := parser.NewParser(parser.Options{})
	for _, s := range c.series {
		h, err := t.read(reader, s)
		if err != nil {
			return nil, err
		}
		t.input = append(t.input, h)
	}
	all := shelf{}
	all.put(t.input)
	for i, r := range p.rules {
		got, err := p.eval(ctx, t, all, r, r.Expr.String())
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.title(), err)
		}
		t.out[i] = got
		if r.Alert == "" {
			all.put(got)
		}
	}
	t.assign()
	return t, nil
}

// assign finds the rule that records each wanted value.
func (t *trial) assign() {
	t.values = map[int][]unitValue{}
	for _, v := range t.of.values {
		by := -1 // nobody
		for i, all := range t.out {
			if _, ok := t.find(all, v); ok {
				by = i
				break
			}
		}
		t.values[by] = append(t.values[by], v)
	}
}

// find is what a wanted series holds.
func (t *trial) find(all []*held, v unitValue) (float64, bool) {
	for _, h := range all {
		if h.lset.Get(labels.MetricName) != v.name {
			continue
		}
		of := h.lset.Map()
		delete(of, labels.MetricName)
		i, found := slices.BinarySearch(h.times, t.at(v.step).UnixMilli())
		if found && maps.Equal(of, v.labels) && !value.IsStaleNaN(h.values[i]) {
			return h.values[i], true
		}
	}
	return 0, false
}

// wrongValue is the first value of a rule's that is not as it should be; empty: none.
func (t *trial) wrongValue(rule int, all []*held) string {
	for _, h := range all {
		i, found := slices.BinarySearch(h.times, t.at(t.of.empty).UnixMilli())
		if t.of.empty > 0 && found && !value.IsStaleNaN(h.values[i]) && h.lset.Has(labels.MetricName) {
			return fmt.Sprintf("%s: at step %d there is %s", t.of.name, t.of.empty, h.lset)
		}
	}
	for _, v := range t.values[rule] {
		if got, ok := t.find(all, v); !ok || !v.near(got) {
			return fmt.Sprintf("%s: at step %d %s is %g (there: %t), expected %g", t.of.name, v.step, labelled(v.name, v.labels), got, ok, v.want)
		}
	}
	return ""
}

// faults are everything that is not as the case says.
func (t *trial) faults(rules []Rule) []string {
	var out []string
	for i, r := range rules {
		if wrong := t.wrong(r, t.out[i]); r.Alert != "" && wrong != "" {
			out = append(out, wrong)
		}
		if wrong := t.wrongValue(i, t.out[i]); wrong != "" {
			out = append(out, wrong)
		}
	}
	if lost := t.values[-1]; len(lost) > 0 {
		out = append(out, fmt.Sprintf("%s: nothing records %s at step %d, expected %g", t.of.name, labelled(lost[0].name, lost[0].labels), lost[0].step, lost[0].want))
	}
	return out
}

// title names a rule in reports.
func (r Rule) title() string {
	if r.Alert != "" {
		return r.Alert
	}
	var more []string
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		if k != "service" {
			more = append(more, match(k, r.Labels[k]))
		}
	}
	if len(more) == 0 {
		return r.Record
	}
	return r.Record + "{" + strings.Join(more, ",") + "}"
}

func (t *trial) read(reader parser.Parser, s unitSeries) (*held, error) {
	lset, values, err := reader.ParseSeriesDesc(s.series + " " + s.values)
	if err != nil {
		return nil, fmt.Errorf("read series %s: %w", s.series, err)
	}
	h := &held{lset: lset}
	for step, v := range values {
		if step > t.last {
			break
		}
		if !v.Omitted {
			h.add(t.at(step).UnixMilli(), v.Value)
		}
	}
	return h, h.pack()
}

func (t *trial) at(step int) time.Time {
	return time.UnixMilli(0).Add(time.Duration(step) * t.interval.Std()).UTC()
}

// eval is what a rule records over the whole case. A series that pauses is marked stale.
func (p *player) eval(ctx context.Context, t *trial, from shelf, r Rule, text string) ([]*held, error) {
	if readsItself(r, text) {
		return p.evalInTurn(ctx, t, from, r, text)
	}
	q, err := p.engine.NewRangeQuery(ctx, from, nil, text, t.at(0), t.at(t.last), p.interval.Std())
	var out []*held
	err = execute(ctx, q, err, func(v parser.Value) error {
		rows, ok := v.(promql.Matrix)
		if !ok {
			return fmt.Errorf("evaluate: the answer is a %s", v.Type())
		}
		var err error
		out, err = p.hold(t, r, rows)
		return err
	})
	return out, err
}

// execute answers a prepared query. Its value is gone when take returns.
func execute(ctx context.Context, q promql.Query, prepared error, take func(parser.Value) error) error {
	if prepared != nil {
		return fmt.Errorf("prepare: %w", prepared)
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return fmt.Errorf("evaluate: %w", res.Err)
	}
	return take(res.Value)
}

// hold keeps the answers under the rule's name. Those that differ in nothing but the
// metric name become one series, if they are never there at once.
func (p *player) hold(t *trial, r Rule, rows promql.Matrix) ([]*held, error) {
	var order []labels.Labels
	points := map[uint64][]promql.FPoint{}
	for _, row := range rows {
		lset := r.label(row.Metric)
		if _, have := points[lset.Hash()]; !have {
			order = append(order, lset)
		}
		points[lset.Hash()] = append(points[lset.Hash()], row.Floats...)
	}
	out := make([]*held, 0, len(order))
	for _, lset := range order {
		all := points[lset.Hash()]
		slices.SortStableFunc(all, func(a, b promql.FPoint) int { return cmp.Compare(a.T, b.T) })
		h := &held{lset: lset, times: make([]int64, 0, len(all)+1), values: make([]float64, 0, len(all)+1)}
		for i, f := range all {
			if i > 0 && all[i-1].T == f.T {
				return nil, fmt.Errorf("two answers are %s", lset)
			}
			if i > 0 {
				p.mark(h, all[i-1].T, f.T)
			}
			h.add(f.T, f.F)
		}
		p.mark(h, all[len(all)-1].T, t.at(t.last+1).UnixMilli())
		if err := h.pack(); err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

func (p *player) mark(h *held, before, next int64) {
	if step := p.interval.Std().Milliseconds(); next > before+step {
		h.add(before+step, staleMark())
	}
}

// label gives an answer the rule's name and labels.
func (r Rule) label(of labels.Labels) labels.Labels {
	b := labels.NewBuilder(of)
	if r.Record != "" {
		b.Set(labels.MetricName, r.Record)
	} else {
		b.Del(labels.MetricName)
		b.Set(labels.AlertName, r.Alert)
	}
	for k, v := range r.Labels {
		b.Set(k, v)
	}
	return b.Labels()
}

// wrong is the first assertion about an alert that its values contradict; empty: none.
func (t *trial) wrong(r Rule, values []*held) string {
	for _, a := range t.of.asserts {
		if a.alert != r.Alert {
			continue
		}
		got, err := t.firing(r, values, a.step)
		if err != nil {
			return err.Error()
		}
		if !slices.EqualFunc(got, sortedAlerts(a.want), sameAlert) {
			return fmt.Sprintf("%s: at %s %s alerts fire, expected %s", t.of.name, runbook.Duration(a.step)*t.interval, fingers(got), fingers(a.want))
		}
	}
	return ""
}

// firing are the alerts at the end of a step: those that are true, and those that were
// less than their time to keep firing ago, with the value they had last.
func (t *trial) firing(r Rule, values []*held, step int) ([]unitAlert, error) {
	now := t.at(step).UnixMilli()
	var out []unitAlert
	for _, h := range values {
		i, found := slices.BinarySearch(h.times, now)
		if !found {
			i--
		}
		if i < 0 {
			continue
		}
		if value.IsStaleNaN(h.values[i]) {
			if now-h.times[i] >= r.KeepFiringFor.Std().Milliseconds() {
				continue
			}
			i--
		}
		a, err := r.alertOf(h.lset, h.values[i])
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return sortedAlerts(out), nil
}

func (r Rule) alertOf(lset labels.Labels, v float64) (unitAlert, error) {
	a := unitAlert{labels: lset.Map(), annotations: map[string]string{}}
	delete(a.labels, labels.AlertName)
	for name, text := range r.Annotations {
		said, err := expand(text, a.labels, v)
		if err != nil {
			return a, fmt.Errorf("expand annotation %s: %w", name, err)
		}
		a.annotations[name] = said
	}
	return a, nil
}

func sortedAlerts(all []unitAlert) []unitAlert {
	out := slices.Clone(all)
	slices.SortFunc(out, func(a, b unitAlert) int {
		return labels.Compare(labels.FromMap(a.labels), labels.FromMap(b.labels))
	})
	return out
}

func sameAlert(a, b unitAlert) bool {
	return maps.Equal(a.labels, b.labels) && maps.Equal(a.annotations, b.annotations)
}

// sameOut reports whether a rule recorded the same twice.
func sameOut(a, b []*held) bool {
	return slices.EqualFunc(a, b, (*held).same)
}

func fingers(all []unitAlert) string {
	if len(all) == 0 {
		return "no"
	}
	return fmt.Sprint(len(all))
}
