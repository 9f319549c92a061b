package verify_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/verify"
)

func TestStandbyPods(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer served
		need   int
		want   string
	}{
		{"enough", number(4), 4, "good 4 of 4: v1 has 4 pods ready and needs 4 to take all traffic"},
		{"one is missing", number(3), 4, "bad 3 of 4: v1 has 3 pods ready and needs 4 to take all traffic"},
		{"one is left", number(1), 2, "bad 1 of 2: v1 has 1 pod ready and needs 2 to take all traffic"},
		{"none", number(0), 1, "bad 0 of 1: v1 has 0 pods ready and needs 1 to take all traffic"},
		{"no answer", empty(), 1, "unknown 0 of 1: the pods of v1 cannot be counted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ranker(t)
			w.rel.Stable.Version = "v1"
			p := prometheusOf(t, map[string]served{w.q.Warm(w.rel, runbook.Stable).String(): c.answer}).client(t, 0)
			a := p.StandbyPods(t.Context(), w.q, w.rel, c.need)
			if got := fmt.Sprintf("%s %v of %v: %s", a.Health, a.Value, a.Limit, a.Text); got != c.want || a.Query.Expr == "" {
				t.Errorf("got %s, want %s (asked %q)", got, c.want, a.Query.Expr)
			}
		})
	}
}

// What is bad counts before what is not known, and what nothing is configured for counts nothing.
func TestJudgeStandby(t *testing.T) {
	said := func(h record.Health, text string) record.Answer { return record.Answer{Health: h, Text: text} }
	pods, lost := said(record.Good, ""), said(record.Unknown, "no answer")
	cold := verify.StandbyInstances("ranker-v1", 1, 2, nil, time.Time{})
	wrong, aside := said(record.Bad, "answered otherwise"), record.Answer{Health: record.Unknown, Text: "nothing is configured", Aside: true}
	for _, c := range []struct {
		name    string
		answers []record.Answer
		want    string
	}{
		{"warm", []record.Answer{pods, aside}, "warm "},
		{"cold", []record.Answer{cold, wrong}, "cold ranker-v1 has 1 passing instance in Consul's catalog and needs 2 to take all traffic"},
		{"too few pods before wrong answers", []record.Answer{wrong, cold}, "cold " + cold.Text},
		{"enough instances", []record.Answer{pods, verify.StandbyInstances("ranker-v1", 2, 2, nil, time.Time{})}, "warm "},
		{"a catalog that does not answer", []record.Answer{pods, verify.StandbyInstances("ranker-v1", 0, 2, errors.New("no leader"), time.Time{})}, "unknown no leader"},
		{"unhealthy", []record.Answer{pods, wrong}, "unhealthy answered otherwise"},
		{"unhealthy, and its pods are not counted", []record.Answer{lost, wrong}, "unhealthy answered otherwise"},
		{"pods not counted", []record.Answer{lost, pods}, "unknown no answer"},
		{"a prediction without an answer", []record.Answer{pods, lost}, "unknown no answer"},
		{"never asked", nil, "unknown "},
	} {
		if state, why := verify.JudgeStandby(c.answers); fmt.Sprint(state, " ", why) != c.want {
			t.Errorf("%s: %s %s, want %s", c.name, state, why, c.want)
		}
	}
}
