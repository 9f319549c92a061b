package verify

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
)

var (
	errorRate  = rules.Recovery{Name: "error rate", Unit: "ratio", MinSamples: 100}
	latency    = rules.Recovery{Name: "p95 latency", Unit: "s", MinSamples: 100}
	mean       = rules.Recovery{Name: "mean latency of infer", Unit: "s", MinSamples: 100}
	conversion = rules.Recovery{Name: "kpi conversion", Unit: "ratio", Business: true, Floor: true, MinSamples: 100}
	nan        = math.NaN()
)

func TestMeasure(t *testing.T) {
	cases := []struct {
		name                          string
		check                         rules.Recovery
		value, samples, before, limit float64
		want                          record.Health
		says                          string
	}{
		{"errors back", errorRate, 0.004, 1812, 0.003, 0.008, record.Good, "error rate 0.4 % of 1,812 requests; limit 0.8 %; before 0.3 %"},
		{"errors on the limit", errorRate, 0.008, 1812, 0.003, 0.008, record.Good, ""},
		{"errors above", errorRate, 0.02, 1812, 0.003, 0.008, record.Bad, "error rate 2 %"},
		{"too few requests", errorRate, 0, 12, 0.003, 0.008, record.Unknown, "12 requests in the last 60 s, 100 needed"},
		{"level before not known", errorRate, 0.004, 1812, nan, 0.01, record.Good, "the absolute limit alone counts"},
		{"no limit at all", latency, 0.2, 1812, nan, nan, record.Unknown, "no level before"},
		{"a mean back", mean, 0.113, 1812, 0.112, 0.1288, record.Good, "mean latency of infer 113 ms of 1,812 requests; limit 129 ms; before 112 ms"},
		{"a mean too long", mean, 1.02, 1812, 0.112, 0.1288, record.Bad, "mean latency of infer 1.02 s of 1,812 requests"},
		{"slow", latency, 0.31, 1812, 0.2, 0.23, record.Bad, "p95 latency 310 ms of 1,812 requests; limit 230 ms; before 200 ms"},
		{"KPI proved", conversion, 0.05, 200_000, 0.05, 0.0475, record.Good, "kpi conversion 5 % of 200,000 trials"},
		{"KPI proved gone", conversion, 0.0474, 200_000, 0.05, 0.0475, record.Bad, ""},
		{"KPI fine, too few trials", conversion, 0.05, 1000, 0.05, 0.0475, record.Unknown, "cannot be proved yet: 148,932 trials needed, at this traffic 2.48 h"},
		{"KPI low by chance", conversion, 0.045, 1000, 0.05, 0.0475, record.Unknown, "cannot be proved yet"},
		{"KPI fell so far that few trials prove it", conversion, 0.01, 1000, 0.05, 0.0475, record.Bad, ""},
		{"KPI without a level before", conversion, 0.05, 200_000, nan, nan, record.Unknown, "no level before"},
		{"KPI that was zero", conversion, 0, 200_000, 0, 0, record.Unknown, "cannot be proved"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := measure{check: c.check, window: time.Minute, value: c.value, hasValue: true,
				samples: c.samples, then: c.samples, before: c.before, limit: c.limit, stablePods: 2}
			got, text := m.judge()
			if got != c.want || !strings.Contains(text, c.says) {
				t.Errorf("got %s %q, want %s %q", got, text, c.want, c.says)
			}
			for name, blind := range map[string]func(*measure){
				"no value":  func(m *measure) { m.hasValue = false },
				"no pod":    func(m *measure) { m.stablePods = 0 },
				"a problem": func(m *measure) { m.problem = "clock" },
				"no sample": func(m *measure) { m.samples = 0 },
			} {
				m := m
				blind(&m)
				if got, text := m.judge(); got != record.Unknown || !strings.Contains(text, "cannot tell") {
					t.Errorf("%s: got %s %q", name, got, text)
				}
			}
		})
	}
}
