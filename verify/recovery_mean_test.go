package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// A mean is asked with the variance of its values, and is never good without.
func TestRecoveryOfAMean(t *testing.T) {
	w := ranker(t)
	w.rb.Metrics.KPIs[0] = runbook.KPI{Name: "conversion", Sum: "revenue_total", Squares: "revenue_squared_total", Trials: "recommendations_total", Unit: "EUR"}
	q, err := rules.Ask(w.rb)
	if err != nil {
		t.Fatal(err)
	}
	w.q = q
	table, exprs := w.recovering()
	variance := ""
	for _, c := range w.q.Over(10 * time.Minute).Recovery(w.rel) {
		if c.Business {
			variance = c.Variance.String()
		}
	}
	for name, v := range map[string]float64{"kpi conversion": 10, "kpi conversion before": 10} {
		table[exprs[name]] = number(v)
	}
	for _, c := range []struct {
		name     string
		variance served
		want     record.Health
		says     string
	}{
		{"enough trials", number(25), record.Good, "kpi conversion 10 EUR of 200,000 trials; limit 9.5 EUR; before 10 EUR"},
		{"values too different", number(1e6), record.Unknown, "cannot be proved yet"},
		{"no squares", empty(), record.Unknown, "the counter of squares has no data"},
		{"squares that are no number", vector("NaN"), record.Unknown, "cannot tell"},
		{"squares in part", partial(25), record.Unknown, "cannot tell"},
	} {
		table[variance] = c.variance
		a := w.ask(t, table, 0)["kpi conversion"]
		if a.Health != c.want || !strings.Contains(a.Text, c.says) {
			t.Errorf("%s: got %s %q", c.name, a.Health, a.Text)
		}
	}
}
