package shadow

import (
	"strings"
	"testing"
)

func TestDifferences(t *testing.T) {
	plan := DefaultPlan()
	plan.Default.Relative = 0.01
	plan.Fields = []FieldRule{{Path: "trace", Compare: byIgnore}}
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
