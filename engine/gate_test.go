package engine

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
)

// gatedRunbook asks for a shadow pass that is at most a day old.
func gatedRunbook(tb testing.TB) *runbook.Runbook {
	tb.Helper()
	rb, err := runbook.Parse("ranker.yaml", fmt.Appendf(nil, runbookText+"shadow: {max_age: 1d}\n", "page"))
	if err != nil {
		tb.Fatal(err)
	}
	return rb
}

// reportOf is the gate of a report about a launch.
func reportOf(l runbook.Launch, verdict shadow.Verdict, at time.Time) shadow.Gate {
	return shadow.Gate{
		Schema: shadow.SchemaGate, Service: l.Service, Candidate: l.Candidate.Bundle.Digest(), Stable: l.Stable.Bundle.Digest(),
		Verdict: verdict, Rule: "segment_excess", Reason: "score differs for country=DE in the hours 2-4", At: at,
		Report: "sha256:" + strings.Repeat("a", 64),
	}
}

// What `release start` says of each verdict that is no current pass of just this pair.
func TestLaunchNeedsAShadowPass(t *testing.T) {
	l := launchOf(t)
	for name, c := range map[string]struct {
		change func(*record.ShadowVerdict)
		want   string // in the refusal; empty: it starts
	}{
		"a pass":                   {func(*record.ShadowVerdict) {}, ""},
		"as old as is allowed":     {func(v *record.ShadowVerdict) { v.At = morning.Add(-24 * time.Hour) }, ""},
		"too old":                  {func(v *record.ShadowVerdict) { v.At = morning.Add(-24*time.Hour - time.Second) }, "older than 1d"},
		"blocked":                  {func(v *record.ShadowVerdict) { v.Verdict = "block" }, "blocks it by the rule segment_excess: score differs for country=DE in the hours 2-4"},
		"inconclusive":             {func(v *record.ShadowVerdict) { v.Verdict = "inconclusive" }, "inconclusive by the rule"},
		"a word nobody knows":      {func(v *record.ShadowVerdict) { v.Verdict = "Pass" }, "which is no pass"},
		"another stable bundle":    {func(v *record.ShadowVerdict) { v.Stable = "sha256:other" }, "compared it with the stable bundle sha256:other"},
		"another candidate":        {func(v *record.ShadowVerdict) { v.Candidate = "sha256:other" }, "is about candidate"},
		"another service":          {func(v *record.ShadowVerdict) { v.Service = "search" }, `about the service "search"`},
		"from the future":          {func(v *record.ShadowVerdict) { v.At = morning.Add(time.Second) }, "from the future"},
		"none":                     {nil, "no report is recorded of candidate bundle " + l.Candidate.Bundle.Digest()},
		"one that nobody can read": {nil, "cannot be read: schema 9"},
	} {
		t.Run(name, func(t *testing.T) {
			p := playOf(t, "page")
			p.s.Runbook = gatedRunbook(t)
			if c.change != nil {
				v := verdictOf(reportOf(l, shadow.Pass, morning))
				v.At = morning
				c.change(&v)
				p.s.Shadow = &v
			}
			if strings.Contains(name, "read") {
				p.s.ShadowProblem = "schema 9"
			}
			s, err := p.step(Launched{l, "ann"})
			if c.want == "" {
				if err != nil || !s.Write.Gate || s.Release.Shadow != p.s.Shadow.Report {
					t.Fatalf("refused: %v; gate checked %v, release says %q", err, s.Write.Gate, s.Release.Shadow)
				}
				return
			}
			if !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "autorollback shadow record") && c.want != "cannot be read: schema 9" {
				t.Fatalf("says %v, want %q and how to mend it", err, c.want)
			}
		})
	}
}

// Without the section, or with required: false, nothing is asked for.
func TestLaunchWithoutShadowSection(t *testing.T) {
	p := playOf(t, "page")
	p.s.Runbook.Shadow = &runbook.Shadow{Required: false}
	if s := p.must(Launched{launchOf(t), "ann"}); s.Write.Gate || s.Release.Shadow != "" {
		t.Fatalf("checked a gate that nobody asked for: %+v", s.Write)
	}
}

func TestRecordShadow(t *testing.T) {
	l, now := launchOf(t), time.Now().UTC()
	e := engineOf(t, partsOf(newMemory(), nil), gatedRunbook(t), Options{})
	record := func(want string, change func(*shadow.Gate)) record.ShadowVerdict {
		t.Helper()
		g := reportOf(l, shadow.Pass, now)
		change(&g)
		v, err := e.RecordShadow(t.Context(), g, "ann")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("says %v, want %q", err, want)
		}
		return v
	}
	record("must be \"autorollback/shadow-gate/1\"", func(g *shadow.Gate) { g.Schema = "" })
	record("must be pass, block or inconclusive", func(g *shadow.Gate) { g.Verdict = "" })
	record("must be bundle digests", func(g *shadow.Gate) { g.Candidate = "sha256:../../control" })
	record("with itself", func(g *shadow.Gate) { g.Candidate = g.Stable })
	record("is no digest", func(g *shadow.Gate) { g.Report = "" })
	record("is no digest", func(g *shadow.Gate) { g.Recording = "x" })
	record("look at the clocks", func(g *shadow.Gate) { g.At = now.Add(time.Hour) })
	record("look at the clocks", func(g *shadow.Gate) { g.At = time.Time{} })
	record("runbook of search", func(g *shadow.Gate) { g.Service = "search" })
	if st, err := e.Status(t.Context()); err != nil || len(st.Shadow) != 0 {
		t.Fatalf("what was refused was kept: %v, %v", st.Shadow, err)
	}
	first := record("", func(g *shadow.Gate) { g.At = now.Add(futureReports - time.Second) })
	if first.At.After(first.Recorded) || first.By != "ann" || first.Reason == "" {
		t.Errorf("recorded %+v", first)
	}
	if again, err := e.RecordShadow(t.Context(), reportOf(l, shadow.Pass, now), "bob"); err != nil || again != first {
		t.Errorf("the same report again is %+v, %v", again, err)
	}
	record("a newer report of this candidate is recorded", func(g *shadow.Gate) {
		g.At, g.Report = now.Add(-time.Hour), "sha256:"+strings.Repeat("b", 64)
	})
	e.bundles.Clear()
	later := record("", func(g *shadow.Gate) {
		g.At, g.Verdict, g.Report = time.Now().UTC().Add(time.Second), shadow.Block, "sha256:"+strings.Repeat("c", 64)
	})
	if st, err := e.Status(t.Context()); err != nil || len(st.Shadow) != 1 || st.Shadow[0] != later {
		t.Errorf("kept %+v, want %+v (%v)", st.Shadow, later, err)
	}
}

// A verdict that is replaced between the look and the commit stops the write; whatever
// the order, a release never stands on a verdict that was a block when it was written.
func TestVerdictReplacedBeforeTheCommitStopsTheLaunch(t *testing.T) {
	race := func(t *testing.T, p *pair, rounds int) {
		rb := gatedRunbook(t)
		for _, e := range p.e {
			if err := e.Reload([]*runbook.Runbook{rb}); err != nil {
				t.Fatal(err)
			}
		}
		started, refused := 0, 0
		for n := range rounds {
			p.clean()
			l := launchOf(t)
			l.Candidate.Bundle.Model.Registry.Version = fmt.Sprint(100 + n)
			record := func(v shadow.Verdict, hex string) {
				g := reportOf(l, v, time.Now())
				g.Report = "sha256:" + strings.Repeat(hex, 64)
				if _, err := p.e[1].RecordShadow(t.Context(), g, "bob"); err != nil {
					t.Errorf("round %d: %v", n, err)
				}
			}
			record(shadow.Pass, "a")
			var once sync.Once
			hook := func(name string) {
				if name == "before-launch" && n%2 == 0 {
					once.Do(func() { record(shadow.Block, "b") })
				}
			}
			p.hook.Store(&hook)
			var err error
			block := func() {
				if n%2 == 1 {
					record(shadow.Block, "b")
				}
			}
			together(func() { _, err = p.e[0].Start(t.Context(), l, "ann") }, block)
			snap, readErr := p.st.Read(t.Context(), store.Root)
			if readErr != nil {
				t.Fatal(readErr)
			}
			release, launched := snap.Get(store.ReleaseKey("ranker", runbook.DefaultRegion))
			verdict, _ := snap.Get(store.ShadowKey(l.Candidate.Bundle.Digest()))
			switch {
			case n%2 == 0 && (launched || !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), "blocks it")):
				t.Fatalf("round %d: launched %v on a verdict that was replaced: %v", n, launched, err)
			case launched != (err == nil) || launched && release.Index > verdict.Index:
				t.Fatalf("round %d: launched %v at %d after the block of %d: %v", n, launched, release.Index, verdict.Index, err)
			case launched:
				started++
			default:
				refused++
			}
		}
		t.Logf("started %d times before the block, refused %d times", started, refused)
	}
	t.Run("memory", func(t *testing.T) { m := newMemory(); race(t, pairOn(t, m, m), sim.Size(200, 200, 40)) })
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		f := fileOf(t)
		race(t, pairOn(t, f, f), 20)
	})
	t.Run("consul", func(t *testing.T) {
		if testing.Short() {
			t.Skip("starts a real Consul")
		}
		t.Parallel()
		addr := servers.Consul(t).Addr
		race(t, pairOn(t, consulOf(t, addr, 0), consulOf(t, addr, 1)), 20)
	})
}
