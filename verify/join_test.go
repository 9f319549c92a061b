package verify

import (
	"errors"
	"testing"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
)

func sample(question string, value float64) *model.Sample {
	s := &model.Sample{Metric: model.Metric{"pod": "a"}, Value: model.SampleValue(value)}
	if question != "" {
		s.Metric[questionLabel] = model.LabelValue(question)
	}
	return s
}

func TestSplitGivesEachQuestionItsOwnSeries(t *testing.T) {
	parts, err := split(model.Vector{sample("3", 1), sample("0", 2), sample("3", 4)}, []int{0, 3, 5}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]int{0: 1, 3: 2, 5: 0} {
		vector, ok := parts[i].(model.Vector)
		if !ok || len(vector) != want {
			t.Errorf("question %d: got %v", i, parts[i])
		}
		for _, s := range vector {
			if _, left := s.Metric[questionLabel]; left || s.Metric["pod"] != "a" {
				t.Errorf("labels: %v", s.Metric)
			}
		}
	}
}

func TestSplitRefusesSeriesOfNobody(t *testing.T) {
	for name, v := range map[string]model.Vector{"no label": {sample("", 1)}, "not asked": {sample("7", 1)}, "nothing": {nil}} {
		if _, err := split(v, []int{0, 3}, nil); !errors.Is(err, errStray) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAJoinedQueryIsPromQL(t *testing.T) {
	var questions []question
	for _, text := range []string{"up # a comment", `sum(rate(x{a="\"),"}[1m])) or vector(0)`, "a > 1\nor b"} {
		e, err := rules.ParseExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		questions = append(questions, question{expr: e})
	}
	if _, err := rules.ParseExpr(join(questions, []int{0, 1, 2})); err != nil {
		t.Error(err)
	}
}

// An expression that could not be made is a question without an answer, and asks
// nothing: no Prometheus is needed here.
func TestNoQuestionIsNoData(t *testing.T) {
	replies := New(nil, 0).ask(t.Context(), []question{{name: "stable unhealthy"}})
	if replies[0].state != record.NoData || replies[0].problem == "" {
		t.Errorf("got %+v", replies[0])
	}
}
