package view

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// What was observed is in the report, whether or not a human rolled back afterwards; what was decided in
// active mode, or is of another time or service, is not.
func TestObserved(t *testing.T) {
	noon := time.Date(2030, 5, 6, 12, 0, 0, 0, time.UTC)
	would := func(a record.Action, at time.Time) record.Decision {
		return record.Decision{Action: record.Hold, Would: a, Guard: "observe", At: at, Reasons: []string{"observe", "In active mode: 12 % errors"}}
	}
	one := func(id, service string, opened time.Time, d record.Decision) record.Incident {
		return record.Incident{ID: id, Service: service, OpenedAt: opened, Decision: d}
	}
	byHand := one("b", "ranker", noon, record.Decision{Action: record.RollBack, Guard: "human", At: noon.Add(9 * time.Minute)})
	byHand.ActedAt = noon.Add(9 * time.Minute)
	byHand.Inputs = &record.Inputs{Incident: &record.Incident{Decision: would(record.RollBack, noon.Add(time.Minute))}}
	all := []record.Incident{
		one("c", "ranker", noon.Add(time.Hour), would(record.Ask, time.Time{})), byHand,
		one("armed", "ranker", noon, record.Decision{Action: record.RollBack, Guard: "severe"}),
		one("other", "search", noon, would(record.RollBack, noon)),
		one("old", "ranker", noon.Add(-48*time.Hour), would(record.RollBack, noon)),
	}
	r := Observed(all, "ranker", noon.Add(-time.Hour), noon.Add(2*time.Hour), 100)
	if len(r.Incidents) != 2 || r.Incidents[0].Incident != "b" || r.Incidents[1].Incident != "c" || r.Older {
		t.Fatalf("%+v", r)
	}
	b, c := r.Incidents[0], r.Incidents[1]
	if b.Action != record.RollBack || b.Sooner != runbook.Duration(8*time.Minute) || b.Why != "In active mode: 12 % errors" {
		t.Errorf("rolled back by hand: %+v", b)
	}
	if c.Action != record.Ask || c.Sooner != 0 || !c.At.Equal(noon.Add(time.Hour)) {
		t.Errorf("asked: %+v", c)
	}
	if r.Count[record.RollBack] != 1 || r.Count[record.Ask] != 1 {
		t.Errorf("%v", r.Count)
	}
	if r := Observed(all[:2], "", noon.Add(-time.Hour), noon.Add(2*time.Hour), 2); !r.Older {
		t.Error("there may be older ones, and it does not say so")
	}
}
