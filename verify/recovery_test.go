package verify_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/verify"
)

var wellAgo = 20 * time.Minute

// recovering is a table in which users are served well, and the expressions by name:
// "error rate", "error rate samples", "error rate before", …
func (w world) recovering() (map[string]served, map[string]string) {
	exprs := map[string]string{}
	for _, c := range w.q.Recovery(w.rel) {
		if !c.Business {
			exprs[c.Name], exprs[c.Name+" samples"], exprs[c.Name+" before"] = c.Now.String(), c.Samples.String(), c.Before.String()
		}
	}
	for _, c := range w.q.Over(10 * time.Minute).Recovery(w.rel) { // since the change
		if c.Business {
			exprs[c.Name], exprs[c.Name+" samples"], exprs[c.Name+" before"] = c.Now.String(), c.Samples.String(), c.Before.String()
			exprs[c.Name+" trials before"] = c.Then.String()
		}
	}
	exprs["stable pods"] = w.q.Pods(w.rel, "stable").String()
	values := map[string]float64{
		"stable pods": 9,
		"error rate":  0.004, "error rate samples": 1812, "error rate before": 0.003,
		"p95 latency": 0.21, "p95 latency samples": 1812, "p95 latency before": 0.2,
		"kpi conversion": 0.05, "kpi conversion samples": 200_000, "kpi conversion before": 0.05,
		"kpi conversion trials before": 200_000,
	}
	table := map[string]served{}
	for name, expr := range exprs {
		table[expr] = number(values[name])
	}
	return table, exprs
}

func (w world) ask(t *testing.T, table map[string]served, patience time.Duration) map[string]record.Answer {
	t.Helper()
	w.changed()
	answers := map[string]record.Answer{}
	for _, a := range prometheusOf(t, table).client(t, patience).Recovery(t.Context(), w.q, w.rel, time.Now().Add(-wellAgo)) {
		finite(t, a)
		answers[a.Question] = a
	}
	return answers
}

// changed puts the change ten minutes before now, which is not when the test began: the
// business checks look back to it, by whole minutes.
func (w *world) changed() { w.rel.WeightChangedAt = time.Now().Add(-10*time.Minute - time.Second) }

// askedAt answers with the first value about the release's start, with the second
// about any other moment.
func (w world) askedAt(atStart, otherwise served) served {
	return func(rw http.ResponseWriter, r *http.Request) {
		if moment(r)-float64(w.rel.StartedAt.UnixMilli())/1000 < 1 {
			atStart(rw, r)
			return
		}
		otherwise(rw, r)
	}
}

func TestRecovery(t *testing.T) {
	const good, bad, unknown = record.Good, record.Bad, record.Unknown
	w := ranker(t)
	cases := []struct {
		name     string
		set      map[string]served
		question string
		want     record.Health
		says     string
	}{
		{"errors are back", nil, "error rate", good, "error rate 0.4 % of 1,812 requests; limit 0.8 %; before 0.3 %"},
		{"latency is back", nil, "p95 latency", good, "p95 latency 210 ms of 1,812 requests; limit 230 ms; before 200 ms"},
		{"the KPI is back", nil, "kpi conversion", good, "kpi conversion 5 % of 200,000 trials; limit 4.75 %; before 5 %"},
		{"errors within the limit, not at the level before", map[string]served{"error rate": number(0.009)}, "error rate", bad, "0.9 %"},
		{"errors at the level before, above the limit", map[string]served{"error rate": number(0.012), "error rate before": number(0.02)}, "error rate", bad, "limit 1 %"},
		{"still slow", map[string]served{"p95 latency": number(0.4)}, "p95 latency", bad, "400 ms"},
		{"few requests", map[string]served{"error rate samples": number(99)}, "error rate", unknown, "99 requests"},
		{"no samples", map[string]served{"error rate samples": empty()}, "error rate", unknown, "0 requests"},
		{"no data", map[string]served{"error rate": empty()}, "error rate", unknown, "no data"},
		{"the level before the release counts if none was concurrent", map[string]served{"p95 latency before": w.askedAt(number(0.1), vector("NaN"))}, "p95 latency", bad, "before 100 ms"},
		{"the same with no series", map[string]served{"p95 latency before": w.askedAt(number(0.1), empty())}, "p95 latency", bad, "before 100 ms"},
		{"no level at all: the absolute limit", map[string]served{"error rate before": empty()}, "error rate", good, "limit 1 %; the level before is not known, the absolute limit alone counts"},
		{"no level at all, above the absolute limit", map[string]served{"error rate before": vector("NaN"), "error rate": number(0.011)}, "error rate", bad, "limit 1 %"},
		{"no level at all and no limit", map[string]served{"p95 latency before": empty()}, "p95 latency", unknown, "no level before"},
		{"a KPI with too few trials", map[string]served{"kpi conversion samples": number(1000)}, "kpi conversion", unknown, "cannot be proved yet: 148,932 trials needed, at this traffic 12.5 h"},
		{"a KPI with too few trials before", map[string]served{"kpi conversion trials before": number(1000)}, "kpi conversion", unknown, "before 5 % of 1,000 trials; cannot be proved yet: 148,932 trials needed, now and before"},
		{"a KPI that is lower than one of few trials", map[string]served{"kpi conversion": number(0.04), "kpi conversion trials before": number(1000)}, "kpi conversion", unknown, "before 5 % of 1,000 trials"},
		{"a KPI with no trials before", map[string]served{"kpi conversion trials before": empty()}, "kpi conversion", unknown, "before 5 % of 0 trials"},
		{"a KPI that fell", map[string]served{"kpi conversion": number(0.04)}, "kpi conversion", bad, "4 %"},
		{"nothing scraped: what is left in the window is old", map[string]served{"stable pods": number(0)}, "error rate", unknown, "no pod of the stable side"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			table, exprs := w.recovering()
			for name, answer := range c.set {
				table[exprs[name]] = answer
			}
			a := w.ask(t, table, 0)[c.question]
			if a.Health != c.want {
				t.Errorf("got %s", a.Health)
			}
			contains(t, a.Text, c.says)
		})
	}
}

func TestRecoveryAnswersCarryTheirNumbers(t *testing.T) {
	w := ranker(t)
	table, exprs := w.recovering()
	answers := w.ask(t, table, 0)
	if len(answers) != 3 {
		t.Fatalf("got %d answers", len(answers))
	}
	a := answers["error rate"]
	if a.Value != 0.004 || a.Limit != 0.008 || a.Before != 0.003 || a.Samples != 1812 || a.Unit != "ratio" || a.Business ||
		a.Query.Expr != exprs["error rate"] || a.At.IsZero() {
		t.Errorf("got %+v", a)
	}
	if !answers["kpi conversion"].Business {
		t.Error("a KPI is a business question")
	}
}

// The level before is asked about the last good moment and about the release's start,
// never about now: then a sick stable side would be its own measure.
func TestTheLevelBeforeIsNeverTheLevelNow(t *testing.T) {
	w := ranker(t)
	table, exprs := w.recovering()
	a := prometheusOf(t, table)
	a.client(t, 0).Recovery(t.Context(), w.q, w.rel, time.Now().Add(-wellAgo))
	moments := strings.Join(a.came[exprs["error rate before"]], " ")
	if got := len(a.came[exprs["error rate before"]]); got != 2 || !strings.Contains(moments, fmt.Sprint(w.rel.StartedAt.Unix())) {
		t.Errorf("asked about %s", moments)
	}
	w.rel.StartedAt = time.Time{}
	a = prometheusOf(t, table)
	a.client(t, 0).Recovery(t.Context(), w.q, w.rel, time.Now().Add(-wellAgo))
	for _, at := range a.came[exprs["error rate before"]] {
		if at == "" {
			t.Error("asked about now")
		}
	}
}

func TestABlindPrometheusNeverSeesRecovery(t *testing.T) {
	w := ranker(t)
	table, exprs := w.recovering()
	affected := func(name string) []string {
		if name == "stable pods" {
			return []string{"error rate", "p95 latency", "kpi conversion"}
		}
		return []string{strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, " samples"), " before"), " trials")}
	}
	for _, kind := range blindnesses() {
		for name, expr := range exprs {
			missing := kind.name == "NaN" || kind.name == "infinite"
			if strings.HasSuffix(name, " before") && missing {
				continue // there was no traffic then: a missing level, tested above
			}
			t.Run(kind.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				one := maps.Clone(table)
				one[expr] = kind.answer
				answers := w.ask(t, one, kind.patience())
				for _, question := range affected(name) {
					if a := answers[question]; a.Health != record.Unknown {
						t.Errorf("got %+v", a)
					} else {
						contains(t, a.Text, kind.says)
					}
				}
				if health, _ := verify.Judge(answersOf(answers)); health == record.Good && !strings.HasPrefix(name, "kpi") {
					t.Error("judged good")
				}
			})
		}
	}
	for _, a := range down(t).Recovery(t.Context(), w.q, w.rel, time.Now().Add(-wellAgo)) {
		if a.Health != record.Unknown {
			t.Errorf("down: got %+v", a)
		}
	}
}

func answersOf(byQuestion map[string]record.Answer) []record.Answer {
	var answers []record.Answer
	for _, a := range byQuestion {
		answers = append(answers, a)
	}
	return answers
}

// The trigger falls silent with the candidate's traffic; the service stays sick. That
// is no recovery, however often it is asked.
func TestASickServiceIsNeverCalledRecovered(t *testing.T) {
	w := ranker(t)
	table, exprs := w.recovering()
	table[exprs["error rate"]] = number(0.08)
	silent, byName := w.confirming(t, "errors")
	for _, name := range []string{"breach", "effect"} {
		silent[byName[name]] = empty()
	}
	drain, _ := w.draining()
	maps.Copy(table, silent)
	maps.Copy(table, drain)
	p := prometheusOf(t, table).client(t, 0)
	if b := p.Confirm(t.Context(), w.q, w.trigger(t, "errors"), w.rel, proved()); b.State == record.Breaching {
		t.Fatalf("the trigger is silent, got %s", b.State)
	}
	began, polls := time.Now(), 0
	for poll := range 30 {
		now := began.Add(time.Duration(poll) * 20 * time.Second)
		answers := append(p.Recovery(t.Context(), w.q, w.rel, began.Add(-wellAgo)), p.Drained(t.Context(), w.q, w.rel))
		health, _ := verify.Judge(answers)
		polls = verify.Count(polls, health)
		v, done := verify.Conclude(verify.Course{Answers: answers, Polls: polls, Need: 3, Deadline: began.Add(580 * time.Second)}, now)
		if done != (poll == 29) || (done && v.Outcome != record.NotRecovered) {
			t.Fatalf("poll %d: got %+v, %v", poll, v, done)
		}
	}
}
