package engine

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/fixture"
)

// What the candidate did is counted anew once it was drained, whether or not it is known when harm
// began; what cannot be counted says why, and keeps nothing from being closed.
func TestImpactIsEstimatedOnceDrained(t *testing.T) {
	for _, c := range []struct {
		name  string
		onset bool
		lost  error
	}{
		{"known", true, nil}, {"no onset", false, nil}, {"history is gone", true, errors.New("history is gone")},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &proofs{lost: c.lost, says: map[string]record.Significance{}}
				e, st, f := solo(t, func(p *Parts) {
					p.Archive, p.Monitor = &folder{stages: map[string]map[string][]byte{}}, m
				})
				began := time.Now().UTC().Add(-time.Minute)
				says := record.Significance{At: time.Now().UTC(), Value: 3, LogE: 20}
				if c.onset {
					says.Onset = record.Onset{From: began, To: began.Add(time.Second), At: began}
				}
				m.says["errors"] = says
				f.breaking["errors"] = true
				must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
				f.set(func(f *facts) { f.traffic = 0 })
				runs(t, e, 5*time.Minute)
				i := incidentOf(t, st)
				checkImpact(t, i, c.onset, c.lost)
				if i.EvidenceAt.IsZero() {
					t.Error("the evidence is not sealed")
				}
				for _, until := range m.asked {
					if until.Before(i.DrainedAt) || until.After(i.EvidenceAt) {
						t.Errorf("asked until %s; drained %s, sealed %s", until, i.DrainedAt, i.EvidenceAt)
					}
				}
			})
		})
	}
}

func checkImpact(t *testing.T, i record.Incident, onset bool, lost error) {
	t.Helper()
	switch x := i.Impact; {
	case x == nil:
		t.Error("there is no impact")
	case x.Ongoing:
		t.Errorf("the candidate is drained, and the impact is so far: %+v", x)
	case lost != nil && !strings.Contains(x.Problem, lost.Error()):
		t.Errorf("the problem is %q", x.Problem)
	case lost == nil && (x.Problem != "" || len(x.Losses) != 1 || x.Losses[0].Excess != 12 || !x.From.Equal(i.Harm().At) || onset == x.From.IsZero()):
		t.Errorf("the impact is %+v", x)
	}
}

// While a human is asked, the impact is so far: in the record as of the question, and live for whoever
// looks.
func TestImpactSoFarOfAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &proofs{says: map[string]record.Significance{}}
		e, st, f := solo(t, func(p *Parts) { p.Monitor = m })
		now := time.Now().UTC()
		m.says["slowish"] = record.Significance{At: now, Value: 3, LogE: 20, Onset: record.Onset{From: now, To: now, At: now}}
		f.breaking["slowish"] = true
		must(t, hears(t, e, fixture.Alert("slowish", record.Webhook)))
		i := incidentOf(t, st)
		if i.Phase != record.Awaiting || i.Impact == nil || !i.Impact.Ongoing || i.Impact.Losses[0].Excess != 5 {
			t.Fatalf("%s, with the impact %+v", i.Phase, i.Impact)
		}
		time.Sleep(time.Minute)
		live, err := e.Incident(t.Context(), i.ID)
		must(t, err)
		if x := live.Impact; x == nil || !x.Ongoing || !x.Until.After(i.Impact.Until) || x.Losses[0].Rate != 0.5 {
			t.Errorf("a minute later the impact is %+v", x)
		}
	})
}

// What users got before is what they got before harm began, however late the alert fired.
func TestWellIsBeforeHarmBegan(t *testing.T) {
	rb := fixture.Runbook(t, "page") // the trigger's window is 10 s
	opened := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return opened.Add(-d) }
	for name, c := range map[string]struct {
		fired, began, want time.Time
	}{
		"nothing is known":       {time.Time{}, time.Time{}, ago(10 * time.Second)},
		"the alert alone":        {ago(time.Minute), time.Time{}, ago(70 * time.Second)},
		"harm began before":      {ago(time.Minute), ago(5 * time.Minute), ago(5 * time.Minute)},
		"harm within a window":   {ago(time.Minute), ago(62 * time.Second), ago(70 * time.Second)},
		"found without an alert": {time.Time{}, ago(30 * time.Second), ago(30 * time.Second)},
	} {
		i := record.Incident{OpenedAt: opened, Breach: record.Breach{Trigger: "errors", StartedAt: c.fired}}
		i.Breach.Significance.Onset.From = c.began
		if got := wellAt(rb, i); !got.Equal(c.want) {
			t.Errorf("%s: %s before the incident, want %s", name, opened.Sub(got), opened.Sub(c.want))
		}
	}
}

// After the traffic's move the impact goes on, counted anew, until the candidate is drained; one question serves
// all who look at a time, and where it has no answer, what was known at the move stands.
func TestImpactGoesOnAfterTheMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &proofs{says: map[string]record.Significance{}}
		e, st, f := solo(t, func(p *Parts) { p.Monitor = m })
		now := time.Now().UTC()
		m.says["errors"] = record.Significance{At: now, Value: 3, LogE: 20, Onset: record.Onset{From: now, To: now, At: now}}
		f.breaking["errors"] = true
		must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
		i := incidentOf(t, st)
		if i.Phase != record.Acted || i.Impact == nil || i.Impact.Losses[0].Excess != 5 {
			t.Fatalf("%s, with the impact %+v", i.Phase, i.Impact)
		}
		m.set(func(m *proofs) { m.lost = errors.New("history is gone") })
		if x := e.ImpactNow(t.Context(), i); x == nil || x.Losses[0].Excess != 5 {
			t.Errorf("without a history the impact is %+v", x)
		}
		m.set(func(m *proofs) { m.lost, m.asked = nil, nil })
		var last time.Time
		for range 3 {
			time.Sleep(time.Minute)
			for range 5 {
				x := e.ImpactNow(t.Context(), i)
				if x == nil || !x.Ongoing || x.Problem != "" || x.Losses[0].Excess != 12 || !x.Until.After(i.ActedAt) {
					t.Fatalf("while the candidate has traffic, the impact is %+v", x)
				}
				last = x.Until
			}
		}
		if len(m.asked) != 3 || !last.After(m.asked[0]) {
			t.Errorf("asked until %v for three looks with five readers each", m.asked)
		}
		i.Phase, i.DrainedAt = record.Verifying, time.Now().UTC()
		if x := e.ImpactNow(t.Context(), i); x.Ongoing || x.Losses[0].Excess != 12 {
			t.Errorf("once it is drained, the impact is %+v", x)
		}
		i.EvidenceAt = time.Now().UTC()
		if x := e.ImpactNow(t.Context(), i); x != i.Impact {
			t.Errorf("of a sealed incident the impact is %+v", x)
		}
	})
}
