package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The story of the shadow, whole: no release without a report, a day at 10 %, a block that
// names the segment and the hours, no release on it, and a pass that starts one.
func TestDemoShadow(t *testing.T) {
	wholeStory(t)
	t.Parallel()
	var out output
	if err := run(t.Context(), []string{"demo", "--exit", "--busy", "--story=shadow", "--dir=" + t.TempDir()}, strings.NewReader(""), &out, &out); err != nil {
		t.Errorf("demo: %v", err)
	}
	check(t, out.String(), []string{
		"no report is recorded of candidate bundle sha256:0fc4", "its planned time is over", "recorded by unauthenticated: block",
		"blocks it by the rule mismatch: score differs in", "none finds more than its limit", "5 % to v3, the rest to v1", "follows ranker-v1 95, ranker-v3 5",
	}, nil)
	if !regexp.MustCompile(`\nblock: .* country=DE in the hours 2[23]–0[34],`).MatchString(out.String()) {
		t.Errorf("segment and hours are not named:\n%s", out.String())
	}
	page := regexp.MustCompile(`(?m)^report: (.*)$`).FindStringSubmatch(out.String())
	if page == nil {
		t.Fatal("no report is named")
	}
	if _, err := os.Stat(page[1]); err != nil {
		t.Error(err)
	}
}
