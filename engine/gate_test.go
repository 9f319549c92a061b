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
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
)

// gatedRunbook asks for a shadow pass that is at most a day old.
func gatedRunbook(tb testing.TB) *runbook.Runbook {
	tb.Helper()
	return fixture.Runbook(tb, "page", "shadow: {max_age: 1d}\n")
}

// reportOf is the gate of a report about a launch.
func reportOf(l runbook.Launch, verdict shadow.Verdict, at time.Time) shadow.Gate {
	return shadow.Gate{
		Schema: shadow.SchemaGate, Service: l.Service, Candidate: l.Candidate.Bundle.Digest(), Stable: l.Stable.Bundle.Digest(),
		Verdict: verdict, Rule: "segment_excess", Reason: "score differs for country=DE in the hours 2-4", At: at,
		Report: "sha256:" + strings.Repeat("a", 64),
	}
}

func TestRecordShadow(t *testing.T) {
	l, now := fixture.Launch(t), time.Now().UTC()
	e := engineOf(t, partsOf(newMemory(), nil), gatedRunbook(t), Options{})
	record := func(want string, change func(*shadow.Gate)) record.ShadowVerdict {
		t.Helper()
		g := reportOf(l, shadow.Pass, now)
		change(&g)
		v, err := e.RecordShadow(t.Context(), g, fixture.By("ann"))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("says %v, want %q", err, want)
		}
		return v
	}
	record("want \"autorollback/shadow-gate/1\"", func(g *shadow.Gate) { g.Schema = "" })
	record("want pass, block or inconclusive", func(g *shadow.Gate) { g.Verdict = "" })
	record("want bundle digests", func(g *shadow.Gate) { g.Candidate = "sha256:../../control" })
	record("with itself", func(g *shadow.Gate) { g.Candidate = g.Stable })
	record("is not a digest", func(g *shadow.Gate) { g.Report = "" })
	record("is not a digest", func(g *shadow.Gate) { g.Recording = "x" })
	record("check the clocks", func(g *shadow.Gate) { g.At = now.Add(time.Hour) })
	record("check the clocks", func(g *shadow.Gate) { g.At = time.Time{} })
	record("runbook of search", func(g *shadow.Gate) { g.Service = "search" })
	if st, err := e.Status(t.Context()); err != nil || len(st.Shadow) != 0 {
		t.Fatalf("what was refused was kept: %v, %v", st.Shadow, err)
	}
	first := record("", func(g *shadow.Gate) { g.At = now.Add(futureReports - time.Second) })
	if first.At.After(first.Recorded) || first.By != "ann" || first.Reason == "" {
		t.Errorf("recorded %+v", first)
	}
	if again, err := e.RecordShadow(t.Context(), reportOf(l, shadow.Pass, now), fixture.By("bob")); err != nil || again != first {
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
			l := fixture.Launch(t)
			l.Candidate.Bundle.Model.Registry.Version = fmt.Sprint(100 + n)
			record := func(v shadow.Verdict, hex string) {
				g := reportOf(l, v, time.Now())
				g.Report = "sha256:" + strings.Repeat(hex, 64)
				if _, err := p.e[1].RecordShadow(t.Context(), g, fixture.By("bob")); err != nil {
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
			together(func() { _, err = p.e[0].Start(t.Context(), l, fixture.By("ann")) }, block)
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
