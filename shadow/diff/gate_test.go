package diff

import (
	"regexp"
	"testing"
	"time"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/test/ranker"
)

func TestGateOpensOnlyForItsPair(t *testing.T) {
	w := ranker.New(2, 3000)
	g, err := mustCompare(ranker.Plan(), w.Pairs()).Gate()
	if err != nil || g.Verdict != shadow.Pass || !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(g.Report) {
		t.Fatal(g, err)
	}
	now := g.At.Add(time.Hour)
	if !g.Open("ranker", "sha256:c", "sha256:s", 24*time.Hour, now) {
		t.Error("a current pass does not open")
	}
	for name, open := range map[string]bool{
		"another service":   g.Open("other", "sha256:c", "sha256:s", 24*time.Hour, now),
		"another candidate": g.Open("ranker", "sha256:x", "sha256:s", 24*time.Hour, now),
		"another stable":    g.Open("ranker", "sha256:c", "sha256:x", 24*time.Hour, now),
		"too old":           g.Open("ranker", "sha256:c", "sha256:s", 24*time.Hour, now.Add(48*time.Hour)),
		"of tomorrow":       g.Open("ranker", "sha256:c", "sha256:s", 24*time.Hour, g.At.Add(-time.Second)),
		"no verdict":        shadow.Gate{Schema: shadow.SchemaGate, Service: "a", Candidate: "b", Stable: "c"}.Open("a", "b", "c", time.Hour, time.Time{}),
		"inconclusive": func() bool {
			h := g
			h.Verdict = shadow.Inconclusive
			return h.Open("ranker", "sha256:c", "sha256:s", 24*time.Hour, now)
		}(),
	} {
		if open {
			t.Errorf("%s opens", name)
		}
	}
}
