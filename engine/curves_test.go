package engine

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	prom "github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/verify"
)

// drawn is a Prometheus that has history: 4 % everywhere.
type drawn struct {
	*facts
	ranges atomic.Int64
	fails  atomic.Bool
}

func (d *drawn) QueryRange(_ context.Context, _ string, r promapi.Range) (prom.Value, promapi.Warnings, error) {
	d.ranges.Add(1)
	if d.fails.Load() {
		return nil, nil, errors.New("history is gone")
	}
	s := &prom.SampleStream{}
	for at := r.Start; !at.After(r.End); at = at.Add(r.Step) {
		s.Values = append(s.Values, prom.SamplePair{Timestamp: prom.TimeFromUnixNano(at.UnixNano()), Value: 0.04})
	}
	return prom.Matrix{s}, nil, nil
}

func errorCurve() []record.Curve {
	s := record.Unsampled(time.Unix(1_800_000_000, 0).UTC())
	s.Candidate, s.Stable = 0.2, 0.01
	return []record.Curve{{Kind: record.OfTrigger, Name: "errors", Drawn: "error rate", Samples: []record.Sample{s}}}
}

func named(curves []record.Curve, name string) record.Curve {
	for _, c := range curves {
		if c.Name == name {
			return c
		}
	}
	return record.Curve{}
}

// The curves of an incident are frozen with it: those that were counted, those that Prometheus was
// asked for, and one sample of each recovery question for each poll. A replica that has not the
// folder counts them anew, or says why not.
func TestCurvesAreFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, counts := &folder{stages: map[string]map[string][]byte{}}, &proofs{curves: errorCurve()}
		api := &drawn{}
		e, st, f := solo(t, func(p *Parts) { p.Archive, p.Monitor = kept, counts })
		api.facts = f
		e.prom = verify.New(api, 0)
		f.breaking["errors"] = true
		must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
		f.set(func(f *facts) { f.traffic = 0 })
		runs(t, e, 5*time.Minute)
		inc := incidentOf(t, st)
		if inc.EvidenceAt.IsZero() {
			t.Fatalf("the incident is %s", inc.Phase)
		}
		polled := named(inc.Levels, "error rate")
		if n := len(polled.Samples); n < inc.Polls || n == 0 || !polled.Samples[n-1].Total.Known() {
			t.Errorf("%d samples of %d polls: %+v", n, inc.Polls, inc.Levels)
		}
		for stage, want := range map[string]string{"before": "errors", "after": "errors slo error rate"} {
			var curves []record.Curve
			must(t, json.Unmarshal(kept.stages[stage][record.CurvesName], &curves))
			for _, name := range strings.SplitN(want, " ", 3) {
				if len(named(curves, name).Samples) == 0 {
					t.Errorf("stage %s has no %s: %+v", stage, name, curves)
				}
			}
		}
		counts.curves = nil
		frozen, err := e.IncidentCurves(t.Context(), inc)
		if slo := named(frozen, "slo"); err != nil || len(slo.Samples) == 0 || slo.Samples[0].Total != 0.04 || !slo.Samples[0].Limit.Known() || len(named(frozen, "errors").Samples) != 1 {
			t.Errorf("frozen: %+v, %v", frozen, err)
		}
		kept.stages["after"][record.CurvesName] = []byte("nonsense")
		if _, err := e.IncidentCurves(t.Context(), inc); err == nil {
			t.Error("a file that cannot be read is no error")
		}
	})
}

func TestCurvesAreCountedAnewElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st, f := solo(t, func(p *Parts) { p.Monitor = &proofs{curves: errorCurve()} })
		api := &drawn{facts: f}
		e.prom = verify.New(api, 0)
		time.Sleep(20 * time.Minute)
		f.breaking["errors"] = true
		must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
		inc := incidentOf(t, st)
		inc.EvidenceAt, inc.Evidence, inc.EvidenceDigest = time.Now(), "elsewhere/inc", "sha256:x"
		for range 3 {
			curves, err := e.IncidentCurves(t.Context(), inc)
			if err != nil || len(named(curves, "errors").Samples) != 1 || len(named(curves, "slo").Samples) == 0 {
				t.Fatalf("counted anew: %+v, %v", curves, err)
			}
		}
		if n := api.ranges.Load(); n != 1 {
			t.Errorf("three looks at a page asked Prometheus %d times", n)
		}
		other := inc
		other.Release, other.EvidenceDigest = "rel-older", "sha256:y"
		if _, err := e.IncidentCurves(t.Context(), other); err == nil || !strings.Contains(err.Error(), "elsewhere/inc") {
			t.Errorf("of a release that is over: %v", err)
		}
	})
}

// An open release has what was counted and what Prometheus was asked for, once in 15 s whoever looks.
func TestCurvesOfAnOpenRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _, f := solo(t, func(p *Parts) { p.Monitor = &proofs{curves: errorCurve()} })
		api := &drawn{facts: f}
		e.prom = verify.New(api, 0)
		time.Sleep(20 * time.Minute)
		for range 3 {
			curves, err := e.Curves(t.Context(), "ranker", "")
			if err != nil || len(named(curves, "errors").Samples) != 1 {
				t.Fatalf("%+v, %v", curves, err)
			}
		}
		if n := api.ranges.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		if _, err := e.Curves(t.Context(), "nobody", ""); err == nil {
			t.Error("curves of a service that nobody knows")
		}
		api.fails.Store(true)
		svc, _ := e.service("ranker")
		rel, err := e.Release(t.Context(), "ranker", "")
		must(t, err)
		if c := named(e.uncounted(t.Context(), svc, rel, time.Now()), "slo"); !strings.Contains(c.Problem, "history is gone") {
			t.Errorf("without an answer: %+v", c)
		}
	})
}
