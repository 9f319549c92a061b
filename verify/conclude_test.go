package verify_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/verify"
)

var deadline = time.Date(2026, 11, 20, 12, 10, 0, 0, time.UTC)

func TestConclude(t *testing.T) {
	const good, bad, unknown = record.Good, record.Bad, record.Unknown
	before, after := deadline.Add(-time.Second), deadline
	cases := []struct {
		name    string
		now     time.Time
		answers []record.Answer
		polls   int
		sick    bool
		want    record.Outcome // empty: go on asking
	}{
		{"K good polls", before, []record.Answer{drained(good), system(good)}, 3, false, record.Recovered},
		{"recovered though the stable side was sick before", before, []record.Answer{drained(good), system(good)}, 3, true, record.Recovered},
		{"a KPI not proved does not block", before, []record.Answer{drained(good), system(good), business(unknown)}, 3, false, record.Recovered},
		{"one poll too few", before, []record.Answer{drained(good), system(good)}, 2, false, ""},
		{"nobody asked about the candidate's traffic", before, []record.Answer{system(good)}, 9, false, ""},
		{"a counter that lies", before, []record.Answer{drained(good), system(bad)}, 9, false, ""},
		{"bad, but there is time", before, []record.Answer{drained(good), system(bad)}, 0, false, ""},
		{"still bad at the deadline", after, []record.Answer{drained(good), system(bad)}, 0, false, record.NotRecovered},
		{"KPI bad at the deadline", after, []record.Answer{drained(good), system(good), business(bad)}, 0, false, record.NotRecovered},
		{"stable was sick before", after, []record.Answer{drained(good), system(bad)}, 0, true, record.WrongCause},
		{"stable was sick, but the candidate still serves", after, []record.Answer{drained(bad), system(bad)}, 0, true, record.NotRecovered},
		{"not drained at the deadline", after, []record.Answer{drained(bad), system(good)}, 0, false, record.NotRecovered},
		{"no data at the deadline", after, []record.Answer{drained(good), system(unknown)}, 0, false, record.CannotTell},
		{"no answers at the deadline", after, nil, 0, false, record.CannotTell},
		{"good too late", after, []record.Answer{drained(good), system(good)}, 2, false, record.CannotTell},
		{"K good polls on the deadline", after, []record.Answer{drained(good), system(good)}, 3, false, record.Recovered},
		{"traffic not asked at the deadline", after, []record.Answer{system(good)}, 9, false, record.CannotTell},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			course := verify.Course{Answers: c.answers, Polls: c.polls, Need: 3, Deadline: deadline, StableUnhealthy: c.sick}
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

// After a step the candidate keeps its traffic, and checks that stay bad end it early.
func TestConcludeAStep(t *testing.T) {
	before := deadline.Add(-time.Second)
	for name, c := range map[string]struct {
		course verify.Course
		want   record.Outcome
	}{
		"K good polls":            {verify.Course{Step: true, Polls: 3, Answers: []record.Answer{system(record.Good)}}, record.Recovered},
		"one poll too few":        {verify.Course{Step: true, Polls: 2, Answers: []record.Answer{system(record.Good)}}, ""},
		"a check bad K times":     {verify.Course{Step: true, Bads: 3, Answers: []record.Answer{system(record.Bad)}}, record.NotRecovered},
		"a check bad twice":       {verify.Course{Step: true, Bads: 2, Answers: []record.Answer{system(record.Bad)}}, ""},
		"a rollback has the time": {verify.Course{Bads: 3, Answers: []record.Answer{drained(record.Good), system(record.Bad)}}, ""},
	} {
		c.course.Need, c.course.Deadline = 3, deadline
		if v, done := verify.Conclude(c.course, before); v.Outcome != c.want || done != (c.want != "") {
			t.Errorf("%s: got %q %v, want %q", name, v.Outcome, done, c.want)
		}
	}
}

// Whatever happened before, recovered needs K polls in a row in which all that is
// asked about users and the candidate's traffic is good.
func TestRecoveredOnlyAfterGoodPollsInARow(t *testing.T) {
	health := rapid.SampledFrom([]record.Health{record.Good, record.Good, record.Good, record.Bad, record.Unknown, ""})
	rapid.Check(t, func(t *rapid.T) {
		need := rapid.IntRange(1, 4).Draw(t, "need")
		polls, streak := 0, 0
		for range rapid.IntRange(1, 30).Draw(t, "polls") {
			d, s, b := health.Draw(t, "drained"), health.Draw(t, "system"), health.Draw(t, "business")
			answers := []record.Answer{drained(d), system(s), business(b)}
			if streak++; d != record.Good || s != record.Good || b == record.Bad {
				streak = 0
			}
			all, _ := verify.Judge(answers)
			polls = verify.Count(polls, all)
			v, done := verify.Conclude(verify.Course{Answers: answers, Polls: polls, Need: need, Deadline: deadline}, deadline.Add(-time.Minute))
			if done != (streak >= need) || (done && v.Outcome != record.Recovered) {
				t.Fatalf("%d good polls in a row of %d: got %+v, %v", streak, need, v, done)
			}
			if done {
				return
			}
		}
	})
}
