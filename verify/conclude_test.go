package verify_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/verify"
)

var deadline = time.Date(2026, 11, 20, 12, 10, 0, 0, time.UTC)

func TestConclude(t *testing.T) {
	const good, bad, unknown = runbook.Good, runbook.Bad, runbook.Unknown
	before, after := deadline.Add(-time.Second), deadline
	cases := []struct {
		name    string
		now     time.Time
		answers []runbook.Answer
		polls   int
		sick    bool
		want    runbook.Outcome // empty: go on asking
	}{
		{"K good polls", before, []runbook.Answer{drained(good), system(good)}, 3, false, runbook.Recovered},
		{"recovered though the stable side was sick before", before, []runbook.Answer{drained(good), system(good)}, 3, true, runbook.Recovered},
		{"a KPI not proved does not block", before, []runbook.Answer{drained(good), system(good), business(unknown)}, 3, false, runbook.Recovered},
		{"one poll too few", before, []runbook.Answer{drained(good), system(good)}, 2, false, ""},
		{"nobody asked about the candidate's traffic", before, []runbook.Answer{system(good)}, 9, false, ""},
		{"a counter that lies", before, []runbook.Answer{drained(good), system(bad)}, 9, false, ""},
		{"bad, but there is time", before, []runbook.Answer{drained(good), system(bad)}, 0, false, ""},
		{"still bad at the deadline", after, []runbook.Answer{drained(good), system(bad)}, 0, false, runbook.NotRecovered},
		{"KPI bad at the deadline", after, []runbook.Answer{drained(good), system(good), business(bad)}, 0, false, runbook.NotRecovered},
		{"stable was sick before", after, []runbook.Answer{drained(good), system(bad)}, 0, true, runbook.WrongCause},
		{"stable was sick, but the candidate still serves", after, []runbook.Answer{drained(bad), system(bad)}, 0, true, runbook.NotRecovered},
		{"not drained at the deadline", after, []runbook.Answer{drained(bad), system(good)}, 0, false, runbook.NotRecovered},
		{"no data at the deadline", after, []runbook.Answer{drained(good), system(unknown)}, 0, false, runbook.CannotTell},
		{"no answers at the deadline", after, nil, 0, false, runbook.CannotTell},
		{"good too late", after, []runbook.Answer{drained(good), system(good)}, 2, false, runbook.CannotTell},
		{"K good polls on the deadline", after, []runbook.Answer{drained(good), system(good)}, 3, false, runbook.Recovered},
		{"traffic not asked at the deadline", after, []runbook.Answer{system(good)}, 9, false, runbook.CannotTell},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			course := verify.Course{Answers: c.answers, Polls: c.polls, Need: 3, Deadline: deadline, StableSick: c.sick}
			v, done := verify.Conclude(course, c.now)
			if v.Outcome != c.want || done != (c.want != "") {
				t.Errorf("got %q %v, want %q", v.Outcome, done, c.want)
			}
			if done && (v.Reason == "" || !v.At.Equal(c.now)) {
				t.Errorf("a verdict says why and when, got %+v", v)
			}
		})
	}
}

// Whatever happened before, recovered needs K polls in a row in which all that is
// asked about users and the candidate's traffic is good.
func TestRecoveredOnlyAfterGoodPollsInARow(t *testing.T) {
	health := rapid.SampledFrom([]runbook.Health{runbook.Good, runbook.Good, runbook.Good, runbook.Bad, runbook.Unknown, ""})
	rapid.Check(t, func(t *rapid.T) {
		need := rapid.IntRange(1, 4).Draw(t, "need")
		polls, streak := 0, 0
		for range rapid.IntRange(1, 30).Draw(t, "polls") {
			d, s, b := health.Draw(t, "drained"), health.Draw(t, "system"), health.Draw(t, "business")
			answers := []runbook.Answer{drained(d), system(s), business(b)}
			if streak++; d != runbook.Good || s != runbook.Good || b == runbook.Bad {
				streak = 0
			}
			all, _ := verify.Judge(answers)
			polls = verify.Count(polls, all)
			v, done := verify.Conclude(verify.Course{Answers: answers, Polls: polls, Need: need, Deadline: deadline}, deadline.Add(-time.Minute))
			if done != (streak >= need) || (done && v.Outcome != runbook.Recovered) {
				t.Fatalf("%d good polls in a row of %d: got %+v, %v", streak, need, v, done)
			}
			if done {
				return
			}
		}
	})
}
