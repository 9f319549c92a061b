package engine

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/evidence/samples"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

// recordings is a service that is asked for its recorded requests.
type recordings func(*http.Request) (*http.Response, error)

func (f recordings) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func empty(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// recorded has the runbook name a source of samples, and the source answer so; nil: it names none.
func recorded(t *testing.T, f recordings) (*Engine, *memory, *facts, *folder) {
	t.Helper()
	kept := &folder{stages: map[string]map[string][]byte{}}
	e, st, known := solo(t, func(p *Parts) {
		p.Archive = kept
		p.Samples = samples.Asker{Client: &http.Client{Transport: f}}
	})
	names(e, f != nil)
	known.breaking["errors"] = true
	return e, st, known, kept
}

func names(e *Engine, source bool) {
	rb := e.services["ranker"].rb
	if rb.Evidence.Within = fixture.Minutes(2); source {
		rb.Evidence.Samples = &runbook.Samples{Sources: []runbook.EvidenceSource{{Name: "service", URL: "http://service.example/"}}, Harmful: 5}
	}
}

func (f *folder) names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.stages))
}

// moments are how long after the incident began it acted, drained, and had its verdict.
func moments(i record.Incident) [3]time.Duration {
	return [3]time.Duration{i.ActedAt.Sub(i.OpenedAt), i.DrainedAt.Sub(i.OpenedAt), i.Verdict.At.Sub(i.OpenedAt)}
}

// A source that never answers delays nothing: the rollback, the drain and the verdict are at the same
// moments as without it. The incident says that its evidence is incomplete, and is sealed so.
func TestNothingWaitsForSamples(t *testing.T) {
	play := func(f recordings) (i record.Incident, kept []string) {
		synctest.Test(t, func(t *testing.T) {
			e, st, known, folder := recorded(t, f)
			must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
			known.set(func(f *facts) { f.traffic = 0 })
			runs(t, e, 10*time.Minute)
			i, kept = incidentOf(t, st), folder.names()
		})
		return i, kept
	}
	without, _ := play(nil)
	with, kept := play(silent)
	if without.Verdict == nil || with.Verdict == nil || moments(with) != moments(without) {
		t.Fatalf("with a source %v, without %v", with.Verdict, without.Verdict)
	}
	if !slices.Equal(kept, []string{"after", "before", "followup"}) || with.Phase != record.Done {
		t.Errorf("kept %q, %s", kept, with.Phase)
	}
	if len(with.EvidenceLacks) != 2 || !strings.Contains(with.EvidenceLacks[1], "after-service: ask service: ") || with.EvidenceDigest == "" {
		t.Errorf("lacks %q, sealed as %q", with.EvidenceLacks, with.EvidenceDigest)
	}
	if late := with.EvidenceAt.Sub(with.Verdict.At); late < time.Minute || late > 3*time.Minute {
		t.Errorf("it was sealed %s after the verdict", late)
	}
	said := slices.ContainsFunc(with.Timeline, func(r record.Record) bool {
		return r.Kind == "evidence" && strings.HasPrefix(r.Text, "evidence incomplete: before-service: ask service: ")
	})
	if !said || len(without.EvidenceLacks) > 0 || without.EvidenceAt.Sub(without.Verdict.At) > time.Second {
		t.Errorf("the timeline is %+v", with.Timeline)
	}
}

// A source that fails for a while is asked again; in the end nothing is lacking.
func TestSamplesThatComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		e, st, known, kept := recorded(t, func(r *http.Request) (*http.Response, error) {
			if time.Since(began) < 30*time.Second {
				return nil, errors.New("connection refused")
			}
			return empty(r)
		})
		must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
		known.set(func(f *facts) { f.traffic = 0 })
		runs(t, e, 10*time.Minute)
		i := incidentOf(t, st)
		if got := kept.names(); !slices.Equal(got, []string{"after", "after-service", "before", "before-service", "followup"}) || i.Phase != record.Done || len(i.EvidenceLacks) > 0 {
			t.Errorf("kept %q, %s, lacks %q", got, i.Phase, i.EvidenceLacks)
		}
	})
}

// A process that died while a source was asked is followed by one that asks again.
func TestSamplesAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st, known, _ := recorded(t, silent)
		must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
		runs(t, e, 3*time.Second)
		kept := &folder{stages: map[string]map[string][]byte{}}
		p := partsOf(st, known)
		p.Archive, p.Samples = kept, samples.Asker{Client: &http.Client{Transport: recordings(empty)}}
		next := engineOf(t, p, fixture.Runbook(t, "page"), Options{Replica: "next"})
		names(next, true)
		known.set(func(f *facts) { f.traffic = 0 })
		runs(t, next, 10*time.Minute)
		if got := kept.names(); !slices.Contains(got, "before-service") || !slices.Contains(got, "after-service") || incidentOf(t, st).Phase != record.Done {
			t.Errorf("kept %q", got)
		}
	})
}
