package lifecycle

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

// What `release start` says of each verdict that is no current pass of just this pair.
func TestLaunchNeedsAShadowPass(t *testing.T) {
	l := fixture.Launch(t)
	for name, c := range map[string]struct {
		change func(*record.ShadowVerdict)
		want   string // in the refusal; empty: it starts
	}{
		"a pass":                   {func(*record.ShadowVerdict) {}, ""},
		"as old as is allowed":     {func(v *record.ShadowVerdict) { v.At = fixture.Morning.Add(-24 * time.Hour) }, ""},
		"too old":                  {func(v *record.ShadowVerdict) { v.At = fixture.Morning.Add(-24*time.Hour - time.Second) }, "older than 1d"},
		"blocked":                  {func(v *record.ShadowVerdict) { v.Verdict = "block" }, "blocks it by the rule segment_excess: score differs for country=DE in the hours 2-4"},
		"inconclusive":             {func(v *record.ShadowVerdict) { v.Verdict = "inconclusive" }, "inconclusive by the rule"},
		"a word nobody knows":      {func(v *record.ShadowVerdict) { v.Verdict = "Pass" }, "which is no pass"},
		"another stable bundle":    {func(v *record.ShadowVerdict) { v.Stable = "sha256:other" }, "compared it with the stable bundle sha256:other"},
		"another candidate":        {func(v *record.ShadowVerdict) { v.Candidate = "sha256:other" }, "is about candidate"},
		"another service":          {func(v *record.ShadowVerdict) { v.Service = "search" }, `about the service "search"`},
		"from the future":          {func(v *record.ShadowVerdict) { v.At = fixture.Morning.Add(time.Second) }, "from the future"},
		"none":                     {nil, "no report is recorded of candidate bundle " + l.Candidate.Bundle.Digest()},
		"one that nobody can read": {nil, "cannot be read: schema 9"},
	} {
		t.Run(name, func(t *testing.T) {
			p := playOf(t, "page")
			p.s.Runbook = fixture.Runbook(t, "page", "shadow: {max_age: 1d}\n")
			if c.change != nil {
				v := record.ShadowVerdict{
					Schema: runbook.Schema, Service: l.Service, Candidate: l.Candidate.Bundle.Digest(), Stable: l.Stable.Bundle.Digest(),
					Verdict: "pass", Rule: "segment_excess", Reason: "score differs for country=DE in the hours 2-4",
					Report: "sha256:" + strings.Repeat("a", 64), At: fixture.Morning,
				}
				c.change(&v)
				p.s.Shadow = &v
			}
			if strings.Contains(name, "read") {
				p.s.ShadowProblem = "schema 9"
			}
			s, err := p.step(Launched{Launch: l, By: fixture.By("ann")})
			if c.want == "" {
				if err != nil || !s.Write.Gate || s.Release.Shadow != p.s.Shadow.Report {
					t.Fatalf("refused: %v; gate checked %v, release says %q", err, s.Write.Gate, s.Release.Shadow)
				}
				return
			}
			if !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "autorollback shadow record") && c.want != "cannot be read: schema 9" {
				t.Fatalf("says %v, want %q and how to fix it", err, c.want)
			}
		})
	}
}

// Without the section, or with required: false, nothing is asked for, whatever is recorded.
func TestLaunchWithoutShadowSection(t *testing.T) {
	for name, section := range map[string]*runbook.Shadow{"no section": nil, "not required": {Required: false}} {
		for _, recorded := range []*record.ShadowVerdict{nil, {Verdict: "block"}} {
			p := playOf(t, "page")
			p.s.Runbook.Shadow, p.s.Shadow = section, recorded
			if s := p.must(Launched{Launch: fixture.Launch(t), By: fixture.By("ann")}); s.Write.Gate || s.Release.Shadow != "" {
				t.Errorf("%s, %v recorded: checked a gate that nobody asked for: %+v", name, recorded, s.Write)
			}
		}
	}
}
