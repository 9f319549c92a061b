package browser

import (
	"time"

	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// gameDay is the report of a drill that went as it must, but for one check.
func gameDay() []byte {
	inc := judged(breached("inc-drill", "errors", runbook.Severe, time.Date(2026, 3, 2, 4, 0, 4, 0, time.UTC)), record.Recovered, "every question is good")
	seconds := func(n float64) runbook.Duration { return runbook.Duration(n * float64(time.Second)) }
	return gameday.ScoreOf(gameday.Game{
		Scenario: gameday.Scenario{Name: "errors", Says: "v2 fails 40 % of its requests; traffic must be back on v1 within half a minute, and people must be notified.", Share: 20, Watch: seconds(90),
			Break:  []gameday.Break{{Fault: gameday.Errors, To: "40%"}, {After: seconds(8), Fault: gameday.Errors, Of: "both", To: "2%"}},
			Expect: gameday.Expect{Action: record.RollBack, Triggers: []string{"errors"}, Verdict: record.Recovered},
			Limits: gameday.Limits{Detect: seconds(2), Act: seconds(2), Drain: seconds(12), Recover: seconds(100), Tell: seconds(3)}},
		Release: record.Release{Stable: stable, Candidate: candidate}, Broke: inc.OpenedAt.Add(-4 * time.Second), Notified: inc.OpenedAt.Add(time.Second), Incident: &inc, Touched: []string{},
		Splits: []record.Split{{"ranker-v1": 80, "ranker-v2": 20}, {"ranker-v1": 100, "ranker-v2": 0}},
		Ticks:  []gameday.Tick{{At: time.Second, Share: 20, Sent: 200}, {At: 5 * time.Second, Share: 0, Sent: 1000, Failed: 60}, {At: 20 * time.Second, Share: 0, Sent: 4000, Failed: 60}},
	}).HTML()
}
