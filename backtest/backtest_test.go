package backtest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// onset is when the second release of twoReleases goes bad.
const onset = 47 * time.Minute

// twoReleases is a good release of v2, and one of v3 that goes bad.
func twoReleases() ([]*pastPod, []PastRelease) {
	pods := pastPods("v1", 4, 40, 0, time.Hour*10)
	pods = append(pods, pastPods("v2", 3, 10, 5*time.Minute, 20*time.Minute)...)
	bad := pastPods("v3", 3, 10, 38*time.Minute, 55*time.Minute)
	for _, p := range bad {
		p.errors = func(since time.Duration) float64 {
			if since > onset {
				return 0.12
			}
			return 0.005
		}
	}
	at := pastStart.Add
	return append(pods, bad...), []PastRelease{
		{ID: "good", Region: "default", Stable: "v1", Candidate: "v2", Start: at(5 * time.Minute), End: at(20 * time.Minute), Weights: []Weight{{at(5 * time.Minute), 20}}},
		{ID: "bad", Region: "default", Stable: "v1", Candidate: "v3", Start: at(38 * time.Minute), End: at(55 * time.Minute), Weights: []Weight{{at(38 * time.Minute), 20}}},
	}
}

func openPast(t *testing.T, pods []*pastPod, length time.Duration, native bool) *TSDB {
	t.Helper()
	source, err := OpenTSDB(pastTSDB(t, pods, length, native))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	return source
}

func TestBacktestFindsTheBadReleaseOnly(t *testing.T) {
	pods, releases := twoReleases()
	b := Backtest{
		Runbook: pastBook(t, false), Source: openPast(t, pods, 62*time.Minute, false),
		From: pastStart.Add(4 * time.Minute), To: pastStart.Add(62 * time.Minute), Releases: releases,
		Incidents: []RealIncident{{Name: "errors after v3", From: pastStart.Add(onset)}, {Name: "an outage nobody measured", From: pastStart.Add(12 * time.Minute)}},
		Tolerance: 10 * time.Minute, Factors: []float64{0.5, 4},
	}
	if sim.Raced { // a third of the work
		b.Factors, b.From = nil, pastStart.Add(34*time.Minute)
		b.Incidents = b.Incidents[:1]
		b.Releases = releases[1:]
	}
	told := time.Duration(0)
	b.Progress = func(done, of time.Duration, _ string) {
		if done <= told || done > of {
			t.Errorf("progress went from %s to %s of %s", told, done, of)
		}
		told = done
	}
	r, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Warnings) > 0 {
		t.Errorf("warnings: %q", r.Warnings)
	}
	var f *Firing
	for i := range r.Firings {
		if one := &r.Firings[i]; one.Trigger == "error-rate" && f == nil {
			f = one
		} else {
			t.Errorf("also fired: %+v", one)
		}
	}
	if f == nil {
		t.Fatal("the bad release did not fire")
	}
	if d := f.From.Sub(pastStart.Add(onset)); d < 0 || d > 3*time.Minute {
		t.Errorf("fired %s after the onset, want within 3m", d)
	}
	if f.Release != "bad" || f.Value <= 0.05 || f.Value > 0.2 || f.Worst < f.Value || f.Breach == nil || f.Breach.Significance.Value < 1 || f.Breach.State != record.Breaching {
		t.Errorf("firing: %+v breach %+v", f, f.Breach)
	}
	if f.Breach.CandidatePods != 3 || f.Breach.StablePods != 4 || f.Breach.StableRate < 30 || f.Breach.CandidateRate < 5 || f.Breach.StableUnhealthy {
		t.Errorf("what the guards saw: %+v", f.Breach)
	}
	if f.Decision == nil || f.Decision.Action != record.RollBack || f.Decision.Guard != "severe" || !f.Decision.At.Equal(f.From) {
		t.Errorf("decision: %+v", f.Decision)
	}
	if f.Verdict != Hit || f.Incident != "errors after v3" || f.Lead <= 0 || f.Still {
		t.Errorf("match: %+v", f)
	}
	if r.Incidents[0].Outcome != Caught || !sim.Raced && r.Incidents[1].Outcome != Missed {
		t.Errorf("incidents: %+v", r.Incidents)
	}
	if !sim.Raced {
		checkSensitivity(t, r)
	}
	checkPictures(t, r)
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

// checkSensitivity: at four times 5 % the trigger must not see 12 % errors; at half,
// it must; and the other triggers never fired.
func checkSensitivity(t *testing.T, r Report) {
	t.Helper()
	for _, tr := range r.Triggers {
		if len(tr.Sensitivity) != 2 {
			t.Fatalf("%s: %+v", tr.Trigger, tr.Sensitivity)
		}
		half, four := tr.Sensitivity[0], tr.Sensitivity[1]
		want := Tally{}
		if tr.Trigger == "error-rate" {
			want = Tally{Alarms: 1, Hits: 1}
			if half.Threshold != "> 0.025" || four.Threshold != "> 0.2" || tr.Threshold != "> 0.05" {
				t.Errorf("thresholds: %q %q %q", half.Threshold, tr.Threshold, four.Threshold)
			}
		}
		for _, got := range []Tally{tr.Tally, half.Tally} {
			if got.Alarms != want.Alarms || got.Hits != want.Hits || got.False != want.False {
				t.Errorf("%s: got %+v, want %+v", tr.Trigger, got, want)
			}
		}
		if four.Alarms != 0 {
			t.Errorf("%s: fired at four times its threshold", tr.Trigger)
		}
		if tr.AtMost <= 0 {
			t.Errorf("%s: no bound", tr.Trigger)
		}
	}
}

func checkPictures(t *testing.T, r Report) {
	t.Helper()
	for _, tr := range r.Triggers {
		var out bytes.Buffer
		if err := r.Picture(&out, tr.Trigger); err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(bytes.NewReader(out.Bytes())); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", tr.Trigger, err)
			}
		}
		for _, part := range []string{`<path class="line candidate" d="M`, "line limit", "release bad", "errors after v3"} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("the picture of %s has no %q", tr.Trigger, part)
			}
		}
		if has := strings.Contains(out.String(), "fired Jan 5"); has != (tr.Trigger == "error-rate") {
			t.Errorf("the picture of %s: a firing band is %v", tr.Trigger, has)
		}
	}
	if r.Picture(io.Discard, "nobody") == nil {
		t.Error("a picture of an unknown trigger")
	}
}

// A factor below 1 makes every kind of trigger more sensitive, one above 1 less.
func TestScaledTrigger(t *testing.T) {
	for name, c := range map[string]struct{ trigger, half, twice runbook.Trigger }{
		"error rate": {runbook.Trigger{Above: 0.05}, runbook.Trigger{Above: 0.025}, runbook.Trigger{Above: 0.1}},
		"latency":    {runbook.Trigger{Increase: 0.3, Ceiling: runbook.Duration(time.Second)}, runbook.Trigger{Increase: 0.15, Ceiling: runbook.Duration(time.Second / 2)}, runbook.Trigger{Increase: 0.6, Ceiling: runbook.Duration(2 * time.Second)}},
		"starved":    {runbook.Trigger{Below: 0.5}, runbook.Trigger{Below: 0.75}, runbook.Trigger{Below: 0}},
		"shift":      {runbook.Trigger{PSI: 0.2, Distance: 0.1}, runbook.Trigger{PSI: 0.1, Distance: 0.05}, runbook.Trigger{PSI: 0.4, Distance: 0.2}},
		"anomaly":    {runbook.Trigger{Expr: "up"}, runbook.Trigger{Expr: "up"}, runbook.Trigger{Expr: "up"}},
	} {
		if half, twice := c.trigger.Scaled(0.5), c.trigger.Scaled(2); half != c.half || twice != c.twice {
			t.Errorf("%s: %+v and %+v", name, half, twice)
		}
	}
}

func TestJudge(t *testing.T) {
	at := func(minutes int) time.Time { return pastStart.Add(time.Duration(minutes) * time.Minute) }
	j := judge{known: true, tolerance: 10 * time.Minute, incidents: []RealIncident{{Name: "one", From: at(60), To: at(80)}, {Name: "two", From: at(300)}}}
	fire := func(from, to int) Firing {
		f := Firing{Trigger: "x", From: at(from), To: at(to)}
		j.firing(&f)
		return f
	}
	for name, c := range map[string]struct {
		f    Firing
		want Match
		lead float64
	}{
		"inside":         {fire(65, 70), Hit, 300},
		"a little early": {fire(45, 51), Hit, -900},
		"much too early": {fire(30, 49), FalseAlarm, 0},
		"a little late":  {fire(89, 95), Hit, 29 * 60},
		"much too late":  {fire(91, 95), FalseAlarm, 0},
		"a point":        {fire(305, 306), Hit, 300},
	} {
		if c.f.Verdict != c.want || c.f.Lead != c.lead {
			t.Errorf("%s: %+v", name, c.f)
		}
	}
	// Two firings close together are one alarm, a third is another.
	all := []Firing{fire(100, 105), fire(110, 111), fire(150, 151), fire(305, 306)}
	if got := j.tally(all, "x", 2); got.Alarms != 3 || got.False != 2 || got.Hits != 1 || got.FalsePerWeek != 1 {
		t.Errorf("tally: %+v", got)
	}
	releases := []PastRelease{{Start: at(290), End: at(299)}}
	for name, c := range map[string]struct {
		incident RealIncident
		all      []Firing
		want     Outcome
	}{
		"caught":     {j.incidents[1], all, Caught},
		"missed":     {RealIncident{From: at(295)}, nil, Missed},
		"no release": {j.incidents[0], nil, NoRelease},
		"outside":    {RealIncident{From: at(5000)}, nil, Outside},
	} {
		if got := j.incident(c.incident, c.all, releases, at(0), at(600), false); got.Outcome != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if j.known = false; fire(65, 70).Verdict != Unjudged {
		t.Error("judged without a list")
	}
}
