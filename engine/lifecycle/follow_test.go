package lifecycle

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/fixture"
)

func TestFollow(t *testing.T) {
	acted := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	kpi := func(h record.Health) []record.Answer {
		return []record.Answer{
			{Question: "error rate", Health: record.Bad, Text: "error rate 9 %"}, // the system was judged in its time
			{Question: "kpi conversion", Business: true, Health: h, Text: "kpi conversion: " + string(h)},
		}
	}
	tests := []struct {
		name    string
		answers []record.Answer
		after   time.Duration
		change  func(*State)
		want    record.Outcome // empty: still followed
		page    bool
	}{
		{"proved", kpi(record.Good), time.Hour, nil, record.Recovered, false},
		{"bad", kpi(record.Bad), time.Hour, nil, record.NotRecovered, true},
		{"not yet", kpi(record.Unknown), time.Hour, nil, "", false},
		{"never", kpi(record.Unknown), followFor, nil, record.CannotTell, true},
		{"no answer", nil, time.Hour, nil, "", false},
		{"too soon", kpi(record.Good), 11 * time.Minute, nil, "", false},
		{"nothing owed", kpi(record.Bad), time.Hour, func(s *State) { s.Incident.Unproved = nil }, "", false},
		{"next release", kpi(record.Bad), time.Hour, func(s *State) { s.Release.Phase = record.Open }, "", false},
		{"not recovered", kpi(record.Bad), time.Hour, func(s *State) { s.Incident.Verdict.Outcome = record.CannotTell }, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := State{Runbook: fixture.Runbook(t, "page"), Region: "default", Op: "op",
				Release: &record.Release{Service: "ranker", Region: "default", Incident: "inc", Phase: record.RolledBack},
				Incident: &record.Incident{ID: "inc", Phase: record.Done, ActedAt: acted, PolledAt: acted.Add(10 * time.Minute),
					Unproved: []string{"kpi conversion"}, Verdict: &record.Verdict{Outcome: record.Recovered}}}
			if tt.change != nil {
				tt.change(&s)
			}
			next, err := Step(s, KPIPolled{tt.answers}, acted.Add(tt.after))
			if err != nil {
				t.Fatal(err)
			}
			var got record.Outcome
			if b := next.Incident.Business; b != nil {
				got = b.Outcome
			}
			if got != tt.want {
				t.Errorf("business verdict %q, want %q", got, tt.want)
			}
			if told := len(next.Write.Messages) == 1; told != (tt.want != "") || told && next.Write.Messages[0].Page != tt.page {
				t.Errorf("messages %+v", next.Write.Messages)
			}
		})
	}
}

func TestFollowedIncidentIsLookedAtAgain(t *testing.T) {
	now := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	s := State{Release: &record.Release{Incident: "inc", Phase: record.RolledBack}, Incident: &record.Incident{ID: "inc", Phase: record.Done,
		PolledAt: now, Unproved: []string{"kpi"}, Verdict: &record.Verdict{Outcome: record.Recovered}}}
	got := Effects(s, now)
	if len(got) != 1 || got[0].Do != AskBusiness || !got[0].Due.Equal(now.Add(followEvery)) {
		t.Errorf("effects %+v, want the question in %s", got, followEvery)
	}
	s.Incident.Business = &record.Verdict{}
	if got := Effects(s, now); len(got) != 0 {
		t.Errorf("effects %+v after the word was given", got)
	}
}
