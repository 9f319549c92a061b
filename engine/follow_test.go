package engine

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

func TestFollow(t *testing.T) {
	acted := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	kpi := func(h runbook.Health) []runbook.Answer {
		return []runbook.Answer{
			{Question: "error rate", Health: runbook.Bad, Text: "error rate 9 %"}, // the system was judged in its time
			{Question: "kpi conversion", Business: true, Health: h, Text: "kpi conversion: " + string(h)},
		}
	}
	tests := []struct {
		name    string
		answers []runbook.Answer
		after   time.Duration
		change  func(*State)
		want    runbook.Outcome // empty: still followed
		page    bool
	}{
		{"proved", kpi(runbook.Good), time.Hour, nil, runbook.Recovered, false},
		{"bad", kpi(runbook.Bad), time.Hour, nil, runbook.NotRecovered, true},
		{"not yet", kpi(runbook.Unknown), time.Hour, nil, "", false},
		{"never", kpi(runbook.Unknown), followFor, nil, runbook.CannotTell, true},
		{"no answer", nil, time.Hour, nil, "", false},
		{"too soon", kpi(runbook.Good), 11 * time.Minute, nil, "", false},
		{"nothing owed", kpi(runbook.Bad), time.Hour, func(s *State) { s.Incident.Unproved = nil }, "", false},
		{"next release", kpi(runbook.Bad), time.Hour, func(s *State) { s.Release.Phase = runbook.Open }, "", false},
		{"not recovered", kpi(runbook.Bad), time.Hour, func(s *State) { s.Incident.Verdict.Outcome = runbook.CannotTell }, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := State{Runbook: runbookOf(t, "page"), Region: "default", Op: "op",
				Release: &runbook.Release{Service: "ranker", Region: "default", Incident: "inc", Phase: runbook.RolledBack},
				Incident: &runbook.Incident{ID: "inc", Phase: runbook.Done, ActedAt: acted, Polled: acted.Add(10 * time.Minute),
					Unproved: []string{"kpi conversion"}, Verdict: &runbook.Verdict{Outcome: runbook.Recovered}}}
			if tt.change != nil {
				tt.change(&s)
			}
			next, _, err := Step(s, Followed{tt.answers}, acted.Add(tt.after))
			if err != nil {
				t.Fatal(err)
			}
			var got runbook.Outcome
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
	s := State{Release: &runbook.Release{Incident: "inc", Phase: runbook.RolledBack}, Incident: &runbook.Incident{ID: "inc", Phase: runbook.Done,
		Polled: now, Unproved: []string{"kpi"}, Verdict: &runbook.Verdict{Outcome: runbook.Recovered}}}
	got := Effects(s, now)
	if len(got) != 1 || got[0].Do != AskBusiness || !got[0].Due.Equal(now.Add(followEvery)) {
		t.Errorf("effects %+v, want the question in %s", got, followEvery)
	}
	s.Incident.Business = &runbook.Verdict{}
	if got := Effects(s, now); len(got) != 0 {
		t.Errorf("effects %+v after the word was given", got)
	}
}
