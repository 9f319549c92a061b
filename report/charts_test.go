package report

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// curveOf has a sample each 15 s from half an hour before the incident was opened.
func curveOf(inc record.Incident, kind record.CurveKind, name, unit string) record.Curve {
	c := record.Curve{Kind: kind, Name: name, Drawn: "level of " + name + ", over 5m", Unit: unit, Every: runbook.Duration(15 * time.Second), Limit: "30 % above stable"}
	for i := range 200 {
		s := record.Unsampled(inc.OpenedAt.Add(time.Duration(i-120) * 15 * time.Second))
		if kind == record.OfRecovery {
			s.Total, s.Stable, s.Limit = record.NumberOf(0.01), record.NumberOf(0.008), record.NumberOf(0.02)
		} else {
			s.Stable = record.NumberOf(0.2 + 0.01*float64(i%3))
			s.Limit = record.NumberOf(1.3 * float64(s.Stable))
			s.Candidate = record.NumberOf(float64(s.Stable) * (1 + 0.6/(1+math.Exp(float64(100-i)/4))))
			s.Significance = record.NumberOf(float64(i) / 110)
		}
		c.Samples = append(c.Samples, s)
	}
	return c
}

// The pictures of an incident: its trigger first, then what users got, each with the marks.
func TestChartsOfAnIncident(t *testing.T) {
	inc := incidents()["recovered"]
	other := curveOf(inc, record.OfTrigger, "another", "ratio")
	later := curveOf(inc, record.OfTrigger, "later", "ratio")
	for n := range later.Samples {
		later.Samples[n].At = later.Samples[n].At.Add(-24 * time.Hour)
	}
	all := Charts(inc, []record.Curve{other, curveOf(inc, record.OfRecovery, "error rate", "ratio"), later, curveOf(inc, record.OfTrigger, inc.Breach.Trigger, "s")})
	if len(all) != 3 || !strings.Contains(all[0].Panels[0].Name, inc.Breach.Trigger) || !strings.Contains(all[1].Panels[0].Name, "error rate") {
		t.Fatalf("%d charts: %+v", len(all), all)
	}
	words := all[0].Words()
	for _, want := range []string{"past the limit", "Significance", "alert ", "decided ", "moved ", "drained ", "recovered ", "candidate v2", "stable v1"} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is not in: %s", want, words)
		}
	}
	if words := all[1].Words(); !strings.Contains(words, "all versions 1 %") || !strings.Contains(words, "before the breach 0.8 %") || !strings.Contains(words, "limit") {
		t.Errorf("what users got: %s", words)
	}
	if svg := string(all[0].SVG()); strings.Contains(svg, "style=") || strings.Contains(svg, `class="band"`) != inc.Harm().To.After(inc.Harm().From) {
		t.Errorf("picture: %s", svg)
	}
	spark := string(SparkOf(curveOf(inc, record.OfTrigger, "x", "s")))
	if !strings.Contains(spark, "line candidate") || !strings.Contains(spark, "line limit") {
		t.Errorf("spark: %s", spark)
	}
}

// An incident that has just begun, and one of which nothing was counted, have pictures that say so.
func TestChartsWithoutData(t *testing.T) {
	inc := incidents()["awaiting"]
	empty := record.Curve{Kind: record.OfTrigger, Name: inc.Breach.Trigger, Drawn: "error rate", Problem: "Prometheus is down"}
	all := Charts(inc, []record.Curve{empty})
	if len(all) != 1 || !strings.Contains(string(all[0].SVG()), "no data") || !strings.Contains(all[0].Title, "Prometheus is down") {
		t.Errorf("%+v", all)
	}
	if len(Charts(inc, nil)) != 0 || len(SparkOf(empty)) == 0 || len(ReleaseCharts(record.Release{}, []record.Curve{empty})) != 1 {
		t.Error("without curves")
	}
}

// Whatever stands in a curve, the picture has no markup of it.
func TestChartsEscape(t *testing.T) {
	inc := incidents()["recovered"]
	c := curveOf(inc, record.OfTrigger, inc.Breach.Trigger, "</text><script>")
	c.Text, c.Drawn, c.Limit, c.Problem = "<script>a", "<script>b", "<script>c", "<script>d"
	inc.Candidate.Version = "<script>e"
	for _, one := range Charts(inc, []record.Curve{c}) {
		if svg := string(one.SVG()); strings.Contains(svg, "<script") {
			t.Errorf("markup: %s", svg)
		}
	}
}
