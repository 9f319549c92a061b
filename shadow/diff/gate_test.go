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
	if why := g.Objection("ranker", "sha256:c", "sha256:s", 24*time.Hour, now); why != "" {
		t.Error("a current pass does not open:", why)
	}
	for name, why := range map[string]string{
		"another service":   g.Objection("other", "sha256:c", "sha256:s", 24*time.Hour, now),
		"another candidate": g.Objection("ranker", "sha256:x", "sha256:s", 24*time.Hour, now),
		"another stable":    g.Objection("ranker", "sha256:c", "sha256:x", 24*time.Hour, now),
		"too old":           g.Objection("ranker", "sha256:c", "sha256:s", 24*time.Hour, now.Add(48*time.Hour)),
		"of tomorrow":       g.Objection("ranker", "sha256:c", "sha256:s", 24*time.Hour, g.At.Add(-time.Second)),
		"no verdict":        shadow.Gate{Schema: shadow.SchemaGate, Service: "a", Candidate: "b", Stable: "c"}.Objection("a", "b", "c", time.Hour, time.Time{}),
		"inconclusive": func() string {
			h := g
			h.Verdict = shadow.Inconclusive
			return h.Objection("ranker", "sha256:c", "sha256:s", 24*time.Hour, now)
		}(),
	} {
		if why == "" {
			t.Errorf("%s opens", name)
		}
	}
}
