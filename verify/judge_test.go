package verify_test

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/verify"
)

func system(h record.Health) record.Answer {
	return record.Answer{Question: "error rate", Health: h, Text: "error rate " + string(h)}
}

func business(h record.Health) record.Answer {
	return record.Answer{Question: "kpi conversion", Business: true, Health: h, Text: "kpi " + string(h)}
}

func drained(h record.Health) record.Answer {
	return record.Answer{Question: verify.DrainQuestion, Health: h, Text: "traffic " + string(h)}
}

func TestJudge(t *testing.T) {
	const good, bad, unknown = record.Good, record.Bad, record.Unknown
	cases := []struct {
		name    string
		answers []record.Answer
		want    record.Health
		says    string
	}{
		{"all good", []record.Answer{drained(good), system(good), business(good)}, good, "kpi good"},
		{"one bad beats all", []record.Answer{drained(unknown), system(bad), system(good)}, bad, "error rate bad"},
		{"one unknown beats good", []record.Answer{drained(good), system(unknown), business(good)}, unknown, "error rate unknown"},
		{"a KPI not proved is named and waits", []record.Answer{drained(good), system(good), business(unknown)}, good, "kpi unknown"},
		{"a bad KPI is bad", []record.Answer{drained(good), system(good), business(bad)}, bad, "kpi bad"},
		{"a candidate with traffic is bad", []record.Answer{drained(bad), system(good)}, bad, "traffic bad"},
		{"no answers", nil, unknown, "no question"},
		{"drained alone", []record.Answer{drained(good)}, unknown, "no question"},
		{"business alone", []record.Answer{drained(good), business(good)}, unknown, "no question"},
		{"a health nobody set", []record.Answer{drained(good), system("")}, unknown, "error rate"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, why := verify.Judge(c.answers)
			if got != c.want || !strings.Contains(why, c.says) {
				t.Errorf("got %s %q, want %s with %q", got, why, c.want, c.says)
			}
		})
	}
}
