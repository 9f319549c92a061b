package verify

import (
	"context"
	"math"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// maxBusinessWindow bounds how far a business question looks back while it collects
// trials.
const maxBusinessWindow = 24 * time.Hour

// Recovery asks what users get now, over all versions, one answer for each check of
// the runbook. Levels are compared with those of the stable side at wellAt, the last
// moment before the harm: the breach's start minus the trigger's window. Where there
// was no stable side then, the level before the release's start counts; where that is
// missing as well, the absolute limit alone, and the text says so.
//
// A business question looks back over the whole minutes since rel.WeightChangedAt, so that
// its trials add up from poll to poll until it can be proved. The candidate's traffic
// is another question: [Prometheus.Drained].
func (p *Prometheus) Recovery(ctx context.Context, q rules.Questions, rel record.Release, wellAt time.Time) []record.Answer {
	ctx, cancel := p.within(ctx)
	defer cancel()
	now := time.Now().UTC()
	checks, moments := recovering(q, rel, now), before(rel, wellAt)
	questions := []question{{name: askStablePods, expr: q.Pods(rel, runbook.Stable)}}
	for _, c := range checks {
		questions = append(questions, question{name: c.Name, expr: c.Now}, question{name: c.Name + " samples", expr: c.Samples})
		for _, at := range moments {
			questions = append(questions, question{name: c.Name + " before", expr: c.Before, at: at})
		}
		if c.Business {
			for _, at := range moments {
				questions = append(questions, question{name: c.Name + " trials before", expr: c.Then, at: at})
			}
		}
		if !c.Variance.IsZero() {
			questions = append(questions, question{name: c.Name + " variance", expr: c.Variance})
		}
	}
	replies := p.ask(ctx, questions)
	pods, rest := &replies[0], replies[1:]
	next := func(n int) []reply {
		of := rest[:n]
		rest = rest[n:]
		return of
	}
	answers := make([]record.Answer, 0, len(checks))
	for _, c := range checks {
		r := recovery{check: c.Recovery, window: c.window, pods: pods, now: &next(1)[0], samples: &next(1)[0], before: next(len(moments))}
		if c.Business {
			r.then = next(len(moments))
		}
		if !c.Variance.IsZero() {
			r.variance = &next(1)[0]
		}
		answers = append(answers, r.answer(now))
	}
	return answers
}

// before are the moments whose level counts as well, the best first.
func before(rel record.Release, wellAt time.Time) []time.Time {
	var moments []time.Time
	for _, at := range []time.Time{wellAt, rel.StartedAt} {
		if !at.IsZero() { // a question at the zero moment would be asked about now
			moments = append(moments, at)
		}
	}
	return moments
}

// A spanned check looks back over its window.
type spanned struct {
	rules.Recovery
	window time.Duration
}

func recovering(q rules.Questions, rel record.Release, now time.Time) []spanned {
	window := min(max(now.Sub(rel.WeightChangedAt).Truncate(time.Minute), q.Window()), maxBusinessWindow)
	var checks []spanned
	for _, c := range q.Recovery(rel) {
		if !c.Business {
			checks = append(checks, spanned{c, q.Window()})
		}
	}
	for _, c := range q.Over(window).Recovery(rel) {
		if c.Business {
			checks = append(checks, spanned{c, window})
		}
	}
	return checks
}

// A recovery is one check with its replies.
type recovery struct {
	check              rules.Recovery
	window             time.Duration
	pods, now, samples *reply
	variance           *reply  // of a mean; otherwise nil
	before             []reply // the best moment first
	then               []reply // of a business check: the trials behind each of them
}

func (r recovery) answer(at time.Time) record.Answer {
	m := r.measure()
	a := record.Answer{
		Question: r.check.Name, Business: r.check.Business, Unit: r.check.Unit,
		Value: m.value, Samples: m.samples, Before: orZero(m.before), Limit: orZero(m.limit),
		Query: r.now.query, At: at,
	}
	a.Health, a.Text = m.judge()
	return a
}

func (r recovery) measure() measure {
	m := measure{check: r.check, window: r.window}
	m.value, m.hasValue = r.now.one()
	m.samples, _ = r.samples.one()
	if m.variance = math.NaN(); r.variance != nil {
		if v, ok := r.variance.one(); ok {
			m.variance = v
		}
	}
	pods, _ := r.pods.one()
	m.stablePods = int(pods)
	m.before, m.then, m.problem = r.level()
	m.limit = r.check.Limit(m.before)
	asked := []*reply{r.now, r.samples, r.pods}
	if r.variance != nil {
		asked = append(asked, r.variance)
	}
	if name, problem := firstProblem(asked...); problem != "" {
		m.problem = name + ": " + problem
	}
	return m
}

// level is the first level before that there is, or NaN, and the trials behind it where they
// are asked for. A reply that cannot be used is a problem and no missing level: a lost packet
// must not loosen the limit.
func (r recovery) level() (level, trials float64, problem string) {
	for i := range r.before {
		b := &r.before[i]
		v, ok := b.one()
		switch {
		case ok && r.then == nil:
			return v, 0, ""
		case ok:
			n, _ := r.then[i].one()
			_, problem = firstProblem(&r.then[i])
			return v, n, problem
		case b.problem != "" && !b.notFinite:
			return math.NaN(), 0, b.query.Name + ": " + b.problem
		}
	}
	return math.NaN(), 0, ""
}

// orZero keeps what is not known out of records: JSON has no NaN.
func orZero(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}
