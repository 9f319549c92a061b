package verify

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

func TestMeanTrials(t *testing.T) {
	for _, c := range []struct{ before, limit, variance, want float64 }{
		{10, 9.5, 25, 2008}, // 2·25·(3.168/0.5)²
		{0.05, 0.0475, 0.0475, 152559},
		{10, 5, 4, 35}, // no fewer than are worth 30 of equal value
		{10, 10, 25, math.Inf(1)},
		{0, 0, 25, math.Inf(1)},
		{math.NaN(), 9, 25, math.Inf(1)},
		{10, 9, math.NaN(), math.Inf(1)},
	} {
		if got := MeanTrials(c.before, c.limit, c.variance); got != c.want && math.Abs(got-c.want) > c.want/100 {
			t.Errorf("MeanTrials(%v, %v, %v) = %v, want %v", c.before, c.limit, c.variance, got, c.want)
		}
	}
}

// The formula promises 80 % power at 1 %, with a tenth of the trials bringing log-normal
// values: draw the two samples and count.
func TestMeanTrialsKeepTheirPromise(t *testing.T) {
	const orders, drop, rounds = 0.1, 0.3, 400
	mean := orders * math.Exp(0.5)
	variance := orders*math.Exp(2) - mean*mean
	n := int(MeanTrials(mean, mean*(1-drop), variance))
	rnd := rand.New(rand.NewPCG(1, 3))
	sample := func(worth float64) float64 {
		sum := 0.0
		for range n {
			if rnd.Float64() < orders {
				sum += worth * math.Exp(rnd.NormFloat64())
			}
		}
		return sum / float64(n)
	}
	shows := func(worth float64) float64 {
		hits := 0
		for range rounds {
			if sample(1)-sample(worth) > zAlpha*math.Sqrt(2*variance/float64(n)) {
				hits++
			}
		}
		return float64(hits) / rounds
	}
	// A smaller mean by smaller values has less variance, and so shows more often.
	if power := shows(1 - drop); power < 0.76 || power > 0.88 {
		t.Errorf("power is %v of %d trials, promised is 0.8", power, n)
	}
	if alarms := shows(1); alarms > 0.03 {
		t.Errorf("false alarms are %v, promised is 0.01", alarms)
	}
}

// meanCheck is a check of a mean as the rules ask it.
func meanCheck(t *testing.T) rules.Recovery {
	t.Helper()
	rb, err := runbook.Load("testdata/ranker.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rb.Metrics.KPIs[0] = runbook.KPI{Name: "conversion", Sum: "revenue_total", Squares: "revenue_squared_total", Trials: "recommendations_total", Unit: "EUR"}
	q, err := rules.Ask(rb)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range q.Recovery(record.Release{Service: "ranker", Region: runbook.DefaultRegion}) {
		if c.Business {
			return c
		}
	}
	t.Fatal("no business check")
	return rules.Recovery{}
}

func TestMeasureOfAMean(t *testing.T) {
	check := meanCheck(t)
	for _, c := range []struct {
		name                     string
		value, samples, variance float64
		want                     record.Health
		says                     string
	}{
		{"proved", 10, 3000, 25, record.Good, "kpi conversion 10 EUR of 3,000 trials; limit 9.5 EUR; before 10 EUR"},
		{"proved gone", 9.4, 3000, 25, record.Bad, "9.4 EUR"},
		{"fine, too few trials", 10, 1000, 25, record.Unknown, "cannot be proved yet: 2,008 trials needed"},
		{"fine, but the values differ more", 10, 3000, 100, record.Unknown, "cannot be proved yet: 8,029 trials needed"},
		{"low by chance", 9.4, 500, 25, record.Unknown, "cannot be proved yet"},
		{"fell so far that few trials prove it", 5, 500, 25, record.Bad, "5 EUR"},
		{"fell, but few values may be great", 5, 500, 2500, record.Unknown, "cannot be proved yet"},
		{"without squares", 10, 3000, nan, record.Unknown, "the counter of squares has no data"},
	} {
		m := measure{check: check, window: time.Minute, value: c.value, hasValue: true, samples: c.samples,
			then: c.samples, before: 10, limit: 9.5, variance: c.variance, stablePods: 2}
		if got, text := m.judge(); got != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s: got %s %q, want %s %q", c.name, got, text, c.want, c.says)
		}
	}
}
