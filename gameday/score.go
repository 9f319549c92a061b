package gameday

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Check is one thing that a game is scored by.
type Check struct {
	Name  string           `json:"name"`
	OK    bool             `json:"ok"`
	Took  runbook.Duration `json:"took,omitempty"`
	Limit runbook.Duration `json:"limit,omitempty"` // 0: none
	Says  string           `json:"says"`
	Open  bool             `json:"not_measured,omitempty"` // nobody could measure it: it neither passes nor fails
}

// A Score is how well a game went.
type Score struct {
	Game
	At     time.Time `json:"at"`
	Named  string    `json:"incident,omitempty"` // the incident's id
	OK     bool      `json:"ok"`
	Passed int       `json:"passed"`
	Checks []Check   `json:"checks"`
}

// ScoreOf judges a game. It asks nobody: everything it says is in the game.
func ScoreOf(g Game) Score {
	s := Score{Game: g, At: g.Broke}
	s.Checks = []Check{g.action()}
	if g.Incident != nil {
		s.Named = g.Incident.ID
	}
	if g.Incident != nil && g.Scenario.Expect.Action != None {
		s.Checks = append(s.Checks, g.times()...)
	}
	s.Checks = append(s.Checks, g.verdict(), g.evidence(), g.touched(), g.moves(), g.pairs())
	for _, c := range s.Checks {
		if c.OK {
			s.Passed++
		}
	}
	s.OK = s.Passed == s.Measured()
	return s
}

// Measured is how many of the checks could be measured.
func (s Score) Measured() int {
	n := 0
	for _, c := range s.Checks {
		if !c.Open {
			n++
		}
	}
	return n
}

// action: was it heard, for the right reason, and the right thing decided?
func (g Game) action() Check {
	c, want := Check{Name: "right action"}, g.Scenario.Expect
	switch i := g.Incident; {
	case i == nil && want.Action == None:
		c.OK, c.Says = true, "nothing was expected, and nothing happened"
	case i == nil:
		c.Says = fmt.Sprintf("no incident in %s; %s was expected", g.Scenario.Watch, want.Action)
	case i.Decision.Action != want.Action:
		c.Says = fmt.Sprintf("%s (%s); %s was expected", i.Decision.Action, i.Decision.Guard, want.Action)
	case want.Guard != "" && i.Decision.Guard != want.Guard:
		c.Says = fmt.Sprintf("%s by the guard %s; %s was expected", i.Decision.Action, i.Decision.Guard, want.Guard)
	case len(want.Triggers) > 0 && !slices.Contains(want.Triggers, i.Breach.Trigger):
		c.Says = fmt.Sprintf("%s for %s; expected for %s", i.Decision.Action, i.Breach.Trigger, strings.Join(want.Triggers, " or "))
	default:
		c.OK, c.Says = true, fmt.Sprintf("%s (%s) for %s", i.Decision.Action, i.Decision.Guard, i.Breach.Trigger)
	}
	return c
}

// times: how long did each part take?
func (g Game) times() []Check {
	i, l := g.Incident, g.Scenario.Limits
	all := []Check{
		took("time to detect", "from the break to the incident", g.Broke, i.OpenedAt, l.Detect),
		took("time to tell", "from the incident until somebody received the message", i.OpenedAt, g.Notified, l.Tell),
	}
	if g.Scenario.Expect.Action == record.RollBack {
		var ended time.Time
		if i.Verdict != nil {
			ended = i.Verdict.At
		}
		all = append(all,
			took("time to act", "from the incident to the transaction", i.OpenedAt, i.ActedAt, l.Act),
			took("time to drain", "from the transaction until the candidate got nothing", i.ActedAt, i.DrainedAt, l.Drain),
			took("time to recover", "from the transaction until users' recovery was proved", i.ActedAt, ended, l.Recover))
	}
	return all
}

func took(name, says string, from, to time.Time, limit runbook.Duration) Check {
	c := Check{Name: name, Limit: limit, Says: says}
	if to.IsZero() || from.IsZero() {
		c.Says = "that did not happen"
		return c
	}
	c.Took = runbook.Duration(max(0, to.Sub(from)).Round(time.Millisecond))
	c.OK = limit == 0 || c.Took <= limit
	return c
}

func (g Game) verdict() Check {
	c, want := Check{Name: "right verdict"}, g.Scenario.Expect.Verdict
	var got record.Outcome
	if g.Incident != nil && g.Incident.Verdict != nil {
		got = g.Incident.Verdict.Outcome
	}
	if c.OK = got == want; c.OK && want == "" {
		c.Says = "none was expected"
	} else {
		c.Says = fmt.Sprintf("%s; %s was expected", cmp.Or(string(got), "none"), cmp.Or(string(want), "none"))
	}
	return c
}

func (g Game) evidence() Check {
	c := Check{Name: "evidence complete"}
	switch i := g.Incident; {
	case g.Scenario.Expect.Verdict == "":
		c.OK, c.Says = true, "no incident ended, so nothing was sealed"
	case i == nil || i.EvidenceAt.IsZero():
		c.Says = "nothing was sealed"
	default:
		c.OK, c.Says = len(g.Evidence) == 0, cmp.Or(strings.Join(g.Evidence, "; "), "sealed, and every file is as it was sealed")
	}
	return c
}

func (g Game) touched() Check {
	return Check{Name: "nothing else touched", OK: len(g.Touched) == 0 && g.More == 0,
		Says: cmp.Or(strings.Join(g.others(), "; "), "no other key, no other incident")}
}

func (g Game) others() []string {
	var all []string
	if len(g.Touched) > 0 {
		all = append(all, "changed: "+strings.Join(g.Touched, ", "))
	}
	if g.More > 0 {
		all = append(all, fmt.Sprintf("%d more incidents", g.More))
	}
	return all
}

// moves: a rollback is one step from the share to nothing, and nothing else moves.
func (g Game) moves() Check {
	c := Check{Name: "traffic moved as it must"}
	var words []string
	for _, s := range g.Splits {
		words = append(words, s.String())
	}
	c.Says = strings.Join(words, " → ")
	if g.Scenario.Expect.Action != record.RollBack {
		c.OK = len(g.Splits) == 1
		return c
	}
	c.OK = len(g.Splits) == 2 && g.Splits[1][g.Release.Candidate.Backend] == 0 && g.Splits[1][g.Release.Stable.Backend] == 100
	return c
}

func (g Game) pairs() Check {
	c := Check{Name: "no mixed pair", OK: g.Mixed == 0 || g.Scenario.Expect.Mixed,
		Says: cmp.Or(g.Pairs, fmt.Sprintf("%d answers of a model on features that it was not trained with", g.Mixed))}
	if g.Mixed == Uncounted {
		c.OK, c.Open, c.Says = false, true, "not measured: "+cmp.Or(g.Pairs, "nobody counts")
	}
	return c
}
