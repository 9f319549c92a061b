package followup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

const bookText = `
schema: 1
service: ranker
owner: {team: ranking, contact: "#ranking-oncall"}
metrics:
  selector: job="ranker"
  interval: 15s
  warmup: 1m
  requests: {counter: requests_total, errors: 'code=~"5.."'}
triggers:
%s
routing: {router: json, key: routes/ranker/weights}
policy: {mode: active, approvers: [ann]}
verification: {system: {error_rate: {below: 4%%}}}
evidence: {archive: "s3://incidents/ranker"}
follow_up: {due: 48h, actions: ["Tell the model's owner."]}
`

const errorTrigger = "  - {name: errors, type: error_rate, severity: severe, above: 5%, for: 3m}"

func book(t *testing.T, triggers string, more ...string) *runbook.Runbook {
	t.Helper()
	rb, err := runbook.Parse("ranker.yaml", []byte(fmt.Sprintf(bookText, triggers)+strings.Join(more, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return rb
}

var start = time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)

func releaseAt(id string, began time.Time) record.Release {
	side := func(v string) record.Side { return record.Side{Version: v, Backend: v, Bundle: v} }
	return record.Release{ID: id, Service: "ranker", Region: "default", Stable: side("v1"), Candidate: side("v2"), Weight: 20,
		StartedAt: began, TrafficAt: began, Moves: []record.Move{{At: began, To: 20}}}
}

// A truth is which share of the candidate's requests fails, some time after a release began.
type truth map[string]func(time.Duration) float64

// history plays releases of four stable pods and three of the candidate, 40 and 10 requests a second,
// without chance. One without a truth cannot be counted.
func (x truth) history(_ context.Context, _ *runbook.Runbook, rel record.Release, until time.Time, f func(monitor.Step)) error {
	fails, known := x[rel.ID]
	if !known {
		return errors.New("its samples are gone")
	}
	began := rel.Began()
	for end := began.Add(-10 * time.Minute); !end.After(until); end = end.Add(15 * time.Second) {
		s := monitor.Step{End: end, Phase: monitor.Judged, Share: 0.2, Steady: true}
		var pods []analysis.PodCount
		for n := range 4 {
			pods = append(pods, analysis.PodCount{Pod: fmt.Sprint("s", n), Role: runbook.Stable, All: 150, Bad: 0.75})
		}
		switch since := end.Sub(began); {
		case since <= 0:
			s.Phase = monitor.Before
		default:
			if since < time.Minute {
				s.Phase = monitor.Warm
			}
			for n := range 3 {
				pods = append(pods, analysis.PodCount{Pod: fmt.Sprint("c", n), Role: runbook.Candidate, All: 50, Bad: 50 * fails(since)})
			}
		}
		s.Counts = analysis.Counts{analysis.Requests: pods}
		f(s)
	}
	return nil
}

func always(v float64) func(time.Duration) float64 { return func(time.Duration) float64 { return v } }

// creeping is harm that is small for twenty minutes, and then what the runbook has a limit for.
func creeping(since time.Duration) float64 {
	switch {
	case since < 5*time.Minute:
		return 0.005
	case since < 25*time.Minute:
		return 0.035
	}
	return 0.12
}

func caseOf(t *testing.T, before ...Past) Case {
	opened := start.Add(32 * time.Minute)
	return Case{Runbook: book(t, errorTrigger), Release: releaseAt("r9", start), From: start.Add(-14 * 24 * time.Hour), To: start, Before: before,
		Incident: record.Incident{ID: "inc-1", Service: "ranker", Release: "r9", OpenedAt: opened, ActedAt: opened, Breach: record.Breach{Trigger: "errors", Value: 0.12}}}
}

func before(id string, days int) Past {
	began := start.Add(-time.Duration(days) * 24 * time.Hour)
	return Past{Release: releaseAt(id, began), Until: began.Add(30 * time.Minute)}
}

func TestSearchFindsWhatWouldHaveBeenEarlier(t *testing.T) {
	bad := before("r7", 2)
	bad.RolledBack = true
	world := truth{"r9": creeping, "r8": always(0.005), "r7": always(0.035)}
	d := Search(t.Context(), caseOf(t, before("r8", 1), bad, before("r6", 3)), world.history)
	if d.Own.IsZero() || d.Own.Before(start.Add(25*time.Minute)) || d.Own.After(start.Add(29*time.Minute)) {
		t.Errorf("the runbook's own trigger fires at %s", d.Own)
	}
	if len(d.Found) == 0 {
		t.Fatalf("nothing was found: %+v", d)
	}
	best := d.Found[0]
	if early := d.Early(best); early < 15*time.Minute || best.At.Before(start.Add(5*time.Minute)) {
		t.Errorf("%s fires at %s, %s earlier", best.Trigger, best.At, early)
	}
	if best.False() != 0 || len(best.Fired) != 1 || best.Fired[0].Release != "r7" || !best.Fired[0].RolledBack {
		t.Errorf("fired before: %+v", best.Fired)
	}
	if d.Looked != 2 || d.Bad != 1 || len(d.Problems) != 1 || !strings.Contains(d.Problems[0], "r6: its samples are gone") {
		t.Errorf("looked at %d, bad %d: %q", d.Looked, d.Bad, d.Problems)
	}
	for _, f := range d.Found {
		if f.Trigger.Above > 0.035 && f.At.Before(start.Add(25*time.Minute)) {
			t.Errorf("%s fires at %s, and 3.5 %% does not breach it", f.Trigger, f.At)
		}
	}
}

// A trigger that fires in releases which nobody rolled back comes after one that does not, whatever it
// gains.
func TestFalseAlarmsComeLast(t *testing.T) {
	world := truth{"r9": creeping, "r8": always(0.02)}
	d := Search(t.Context(), caseOf(t, before("r8", 1)), world.history)
	if len(d.Found) < 2 {
		t.Fatalf("%+v", d)
	}
	first, last := d.Found[0], d.Found[len(d.Found)-1]
	if first.False() != 0 || last.False() != 1 {
		t.Errorf("first %s has %d, last %s has %d", first.Trigger, first.False(), last.Trigger, last.False())
	}
}

// Harm that is there at once in full is proved as soon as it can be: no threshold is earlier.
func TestNothingIsEarlier(t *testing.T) {
	c := caseOf(t)
	c.Runbook = book(t, "  - {name: errors, type: error_rate, severity: severe, above: 0.5%, for: 1m}\n  - {name: more, type: error_increase, severity: mild, by: 0.1%, min_ratio: 1.2, for: 1m}")
	d := Search(t.Context(), c, truth{"r9": func(since time.Duration) float64 {
		if since < 5*time.Minute {
			return 0.005
		}
		return 0.5
	}}.history)
	if d.Own.IsZero() || len(d.Found) > 0 || len(d.Problems) > 0 {
		t.Errorf("%+v", d)
	}
}

func TestReleasesAreReadFromTheExportedShares(t *testing.T) {
	minute := func(n int) model.Time {
		return model.TimeFromUnixNano(start.Add(time.Duration(n) * time.Minute).UnixNano())
	}
	series := func(release, version string, from int, shares ...float64) *model.SampleStream {
		s := &model.SampleStream{Metric: model.Metric{"release": model.LabelValue(release), "version": model.LabelValue(version)}}
		for n, share := range shares {
			s.Values = append(s.Values, model.SamplePair{Timestamp: minute(from + n), Value: model.SampleValue(share)})
		}
		return s
	}
	all, unknown := Releases(model.Matrix{
		series("r1", "v1", 0, 100, 95, 95, 50), series("r1", "v2", 0, 0, 5, 5, 50),
		series("r2", "v2", 60, 90, 90), series("r2", "v3", 60, 10, 10),
		series("r3", "v3", 90, 50), series("r3", "v4", 90, 50),
		series("r4", "v5", 95, 50),
	}, "ranker", "eu")
	if len(all) != 2 || all[0].ID != "r2" || all[1].ID != "r1" || len(unknown) != 2 {
		t.Fatalf("%+v, unknown %q", all, unknown)
	}
	r := all[1]
	if r.Stable.Version != "v1" || r.Candidate.Version != "v2" || !r.StartedAt.Equal(start) || !r.Began().Equal(start.Add(time.Minute)) || !r.Until.Equal(start.Add(3*time.Minute)) {
		t.Errorf("%+v", r)
	}
	if w := monitor.WeightAt(r.Release, start.Add(150*time.Second), 15*time.Second); w.Share != 0.05 {
		t.Errorf("share of then: %+v", w)
	}
	if over := Over(all, "r2", start.Add(time.Hour), 5); len(over) != 1 || over[0].ID != "r1" {
		t.Errorf("over: %+v", over)
	}
}
