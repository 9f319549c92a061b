package path

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/quality"
	"github.com/autorollback/autorollback/test/servers"
)

// The births of this test: an hour of pods that do the same in each interval, of which the
// candidate's begin to fail with a burst in one interval, and one more pod that begins later,
// with failures from its first scrape on.
const (
	burst      = 60 // failures in the first sample that has any; 1 in each one after it
	failsFrom  = 40 // interval
	joinsFrom  = 70
	everyTime  = 100 // requests, and rows, of a pod in an interval
	birthSlack = 0.002
)

func bear(b *servers.Backlog, job string, began time.Time) {
	type pod struct {
		name, version string
		from, fails   int
	}
	pods := []pod{{"s0", "v1", 0, 0}, {"s1", "v1", 0, 0}, {"c0", "v2", 0, failsFrom}, {"c1", "v2", 0, failsFrom}, {"c2", "v2", joinsFrom, joinsFrom}}
	for i := range int(length/interval) + 1 {
		at := began.Add(time.Duration(i)*interval - 5*time.Second)
		for _, p := range pods {
			if i < p.from {
				continue
			}
			of := fmt.Sprintf("job=%q,instance=%q,version=%q", job, p.name, p.version)
			b.Add("counter", "requests_total", of+`,code="200"`, at, float64(everyTime*(1+i-p.from)))
			b.Add("counter", "rows_total", of+`,feature="f0"`, at, float64(everyTime*(1+i-p.from)))
			if i >= p.fails {
				failed := float64(burst + i - p.fails)
				b.Add("counter", "requests_total", of+`,code="503"`, at, failed)
				b.Add("counter", "nulls_total", of+`,feature="f0"`, at, failed)
			}
		}
	}
}

// gateEffects are the effects as the gate of a trigger reads them, by Unix time.
func gateEffects(t *testing.T, prom promapi.API, x monitor.Target, trigger string) map[int64]float64 {
	t.Helper()
	questions, err := rules.Ask(x.Runbook)
	if err != nil {
		t.Fatal(err)
	}
	effect, err := questions.Effect(trigger, x.Release)
	if err != nil {
		t.Fatal(err)
	}
	began := x.Release.StartedAt
	value, _, err := prom.QueryRange(t.Context(), effect.String(), promapi.Range{Start: began, End: began.Add(length), Step: interval})
	if err != nil {
		t.Fatal(err)
	}
	out := map[int64]float64{}
	for _, s := range value.(model.Matrix) {
		for _, v := range s.Values {
			out[v.Timestamp.Unix()] = float64(v.Value)
		}
	}
	return out
}

func TestEffectAgreesWithTheGateAfterABirth(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the real Prometheus")
	}
	began := time.Now().Add(-length - time.Hour).Truncate(interval)
	prom := servers.Prometheus(t, "global: {scrape_interval: 1h}\n", nil)
	rb := quality.Runbook(quality.GeneratedShape(interval))
	rb.Service, rb.Metrics.Selector = "births", `job="births"`
	raw := servers.NewBacklog()
	bear(raw, rb.Service, began)
	raw.Into(t, prom)
	asked, err := promapi.New(prom.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	target := monitor.Target{Runbook: rb, Release: record.Release{ID: "rel-births", Service: rb.Service, Region: runbook.DefaultRegion, Phase: record.Open,
		Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}, StartedAt: began, TrafficAt: began}}
	var steps []monitor.Step
	var found []map[string]analysis.Result
	err = monitor.New(asked, zap.NewNop()).History(t.Context(), target, began.Add(length), func(s monitor.Step, results map[string]analysis.Result) {
		if results != nil {
			steps, found = append(steps, s), append(found, results)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, trigger := range rb.Triggers {
		switch trigger.Type {
		case runbook.ErrorRate, runbook.ErrorIncrease, runbook.NullSpike:
		default:
			continue
		}
		gate, compared := gateEffects(t, asked, target, trigger.Name), 0
		for i, s := range steps {
			want, ok := gate[s.End.Unix()]
			if !ok || s.End.Sub(began) < 15*time.Minute { // the windows are full by then
				continue
			}
			compared++
			if got := found[i][trigger.Name].Effect; !(math.Abs(got-want) < birthSlack) {
				t.Errorf("%s after %s: the effect is %.4f, the gate's %.4f", trigger.Name, s.End.Sub(began), got, want)
			}
		}
		if compared < 80 {
			t.Errorf("%s: only %d effects were compared", trigger.Name, compared)
		}
	}
}
