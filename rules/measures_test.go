package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/golden"
	"github.com/autorollback/autorollback/test/sim"
)

func told(m []*labels.Matcher) string {
	var out []string
	for _, one := range m {
		out = append(out, one.String())
	}
	return strings.Join(out, ",")
}

func TestMeasuresOfEveryTrigger(t *testing.T) {
	rb := everything("ranker")
	rb.Metrics.KPIs = append(rb.Metrics.KPIs, sim.Shop().Metrics.KPIs...)
	rb.Triggers = append(rb.Triggers, runbook.Trigger{Name: "revenue", Type: runbook.KPIDrop, KPI: "revenue", Drop: 0.1, For: dur(900e9)})
	got, err := Measures(rb)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, m := range got {
		lines = append(lines, fmt.Sprintf("%s: all %s bad %s squares %s histogram %s %v %v part %s %v", m.Name, told(m.All), told(m.Bad), told(m.Squares), told(m.Histogram), m.Native, m.Bounds, m.Part, m.SharedAll))
	}
	golden.Equal(t, "measures.txt", []byte(strings.Join(lines, "\n")+"\n"))
}

func TestMeasuresAreOnlyWhatIsCompared(t *testing.T) {
	rb := ranker("ranker")
	rb.Triggers = rb.Triggers[3:] // absolute limits
	got, err := Measures(rb)
	if err != nil || len(got) != 1 || got[0].Name != "requests" || len(got[0].Bad) != len(got[0].All)+1 {
		t.Errorf("%v, %v", got, err)
	}
	rb.Metrics.Selector = "}"
	if _, err := Measures(rb); err == nil {
		t.Error("a runbook that does not compile has measures")
	}
}
