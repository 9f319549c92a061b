package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var stepLine = regexp.MustCompile(`(?m)^ +\+[0-9.]+s  ramp +(\w+: v\d from \d+ % to \d+ %)$`)

// The whole stories of demo --story.
func TestDemoStories(t *testing.T) {
	wholeStory(t)
	t.Parallel()
	canary := []string{
		"start: v2 from 0 % to 1 %", "promote: v2 from 1 % to 5 %", "promote: v2 from 5 % to 25 %", "promote: v2 from 25 % to 50 %",
		"promote: v2 from 50 % to 100 %", "proved: v2 from 100 % to 100 %",
		"start: v3 from 0 % to 1 %", "promote: v3 from 1 % to 5 %", "promote: v3 from 5 % to 25 %", "rollback: v3 from 25 % to 0 %",
	}
	tests := []struct {
		story string
		steps []string
		want  []string
	}{
		{"canary", canary, []string{"ranker-v1 0, ranker-v2 75, ranker-v3 25 to ranker-v2 100, ranker-v3 0 in one transaction"}},
		{"bluegreen", []string{"start: v2 from 0 % to 0 %", "flip: v2 from 0 % to 90 %", "rollback: v2 from 90 % to 0 %"},
			[]string{"ranker-v1 10, ranker-v2 90 to ranker-v1 100, ranker-v2 0 in one transaction"}},
		{"encoder", []string{"start: v2 from 0 % to 0 %", "flip: v2 from 0 % to 60 %", "rollback: v2 from 60 % to 0 %"}, []string{
			"Prometheus confirms conversion-drop", "ranker-v1 40, ranker-v2 60 to ranker-v1 100, ranker-v2 0 in one transaction",
			"v1×v4 ", "v2×v5 ", "no answer was given by a model on features that it was not trained with",
			`"flags":{"encoder":"v4","new_encoder":false},"serving":true`, `"flags":{"encoder":"v4","new_encoder":false},"serving":false,"quarantined":true`}},
	}
	for _, tt := range tests {
		t.Run(tt.story, func(t *testing.T) {
			t.Parallel()
			var out output
			if err := run(t.Context(), []string{"demo", "--exit", "--busy", "--story=" + tt.story, "--dir=" + t.TempDir()}, strings.NewReader(""), &out, &out); err != nil {
				t.Errorf("demo: %v", err)
			}
			check(t, out.String(), append(tt.want, "verdict: recovered", "drained", "sealed"), []string{"v1×v5", "v2×v4", "unset"})
			var steps []string
			for _, m := range stepLine.FindAllStringSubmatch(out.String(), -1) {
				steps = append(steps, m[1])
			}
			if !slices.Equal(steps, tt.steps) {
				t.Errorf("steps %q\nwant  %q", steps, tt.steps)
			}
			plantedIsFound(t, out.String())
		})
	}
}
