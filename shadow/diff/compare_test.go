package diff

import (
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/shadow"
)

func mustCompare(plan shadow.Plan, pairs iter.Seq2[shadow.Pair, error]) *Report {
	r, err := Compare(plan, Subject{"ranker", "sha256:c", "sha256:s"}, pairs, &shadow.Run{Ended: true}, shadow.Bad{}, time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	if err != nil {
		panic(err)
	}
	return r
}

func (r *Report) told() string {
	out := fmt.Sprintf("%s by %s: %s", r.Verdict, r.Rule, r.Reason)
	for _, f := range r.Findings {
		out += "\n  " + string(f.Verdict) + " " + f.Rule + ": " + f.Text
	}
	return out
}

func FuzzParsePlan(f *testing.F) {
	f.Add([]byte("fields: [{path: 'a[*]', compare: class}]\nrequire: {hours: [22-5]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		plan, err := shadow.ParsePlan("p", text)
		if err == nil {
			if _, err := newComparison(plan); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestDifferences(t *testing.T) {
	plan := shadow.DefaultPlan()
	plan.Default.Relative = 0.01
	plan.Fields = []shadow.FieldRule{{Path: "trace", Compare: shadow.ByIgnore}}
	for _, c := range []struct{ name, stored, got, want string }{
		{"equal", `{"score":0.5,"trace":"a"}`, `{"trace":"b","score":0.5}`, ""},
		{"within the tolerance", `{"score":0.5}`, `{"score":0.504}`, ""},
		{"beyond it", `{"score":0.5}`, `{"score":0.506}`, "score"},
		{"a field is missing", `{"score":0.5,"rank":[1,2]}`, `{"score":0.5}`, "rank"},
		{"an error page", `{"score":0.5}`, `<html>`, "(body)"},
		{"empty", `{"score":0.5}`, ``, "(body)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Differences(plan, []byte(c.stored), []byte(c.got))
			if err != nil || strings.Join(got, " ") != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}
