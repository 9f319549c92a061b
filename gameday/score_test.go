package gameday

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
)

var broke = time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC)

// played is a game that went as it must.
func played() Game {
	at := func(s float64) time.Time { return broke.Add(duration(s).Std()) }
	return Game{
		Scenario: Scenario{Name: "errors", Says: "v2 <fails>", Share: 20, Watch: duration(90), Break: []Break{{Fault: Errors, To: "40%"}},
			Expect: Expect{Action: record.RollBack, Triggers: []string{"error-rate"}, Verdict: record.Recovered},
			Limits: Limits{Detect: duration(20), Act: duration(2), Drain: duration(8), Recover: duration(45), Tell: duration(3)}},
		Release: record.Release{Stable: record.Side{Backend: "a"}, Candidate: record.Side{Backend: "b"}},
		Broke:   broke, Notified: at(4.5), Touched: []string{},
		Incident: &record.Incident{ID: "inc-1", OpenedAt: at(4), ActedAt: at(4.2), DrainedAt: at(7), EvidenceAt: at(21), Evidence: "sealed",
			Breach: record.Breach{Trigger: "error-rate"}, Decision: record.Decision{Action: record.RollBack, Guard: "severe"},
			Verdict:  &record.Verdict{Outcome: record.Recovered, At: at(20)},
			Timeline: []record.Record{{At: at(4), Kind: "acted", Text: "moved <all> | of it"}}},
		Splits: []record.Split{{"a": 80, "b": 20}, {"a": 100, "b": 0}},
		Ticks:  []Tick{{At: time.Second, Share: 20, Sent: 200}, {At: 5 * time.Second, Share: 0, Sent: 1000, Failed: 60}, {At: 20 * time.Second, Share: 0, Sent: 4000, Failed: 60}},
	}
}

func TestScore(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Game)
		fails  []string
	}{
		{"as it must", func(*Game) {}, nil},
		{"nothing happened", func(g *Game) { g.Incident = nil; g.Splits = g.Splits[:1] }, []string{"right action", "right verdict", "evidence complete", "traffic moved as it must"}},
		{"late to hear", func(g *Game) { g.Incident.OpenedAt = g.Broke.Add(21 * time.Second) }, []string{"time to detect"}},
		{"late to act", func(g *Game) { g.Incident.ActedAt = g.Incident.OpenedAt.Add(3 * time.Second) }, []string{"time to act"}},
		{"never drained", func(g *Game) { g.Incident.DrainedAt = time.Time{} }, []string{"time to drain"}},
		{"late to recover", func(g *Game) { g.Incident.Verdict.At = g.Broke.Add(time.Minute) }, []string{"time to recover"}},
		{"nobody told", func(g *Game) { g.Notified = time.Time{} }, []string{"time to tell"}},
		{"asked", func(g *Game) { g.Incident.Decision.Action = record.Ask }, []string{"right action"}},
		{"another trigger", func(g *Game) { g.Incident.Breach.Trigger = "latency" }, []string{"right action"}},
		{"another guard", func(g *Game) { g.Scenario.Expect.Guard = "mild" }, []string{"right action"}},
		{"not recovered", func(g *Game) { g.Incident.Verdict.Outcome = record.NotRecovered }, []string{"right verdict"}},
		{"evidence torn", func(g *Game) { g.Evidence = []string{"a file is missing"} }, []string{"evidence complete"}},
		{"evidence missing", func(g *Game) { g.Incident.EvidenceAt = time.Time{} }, []string{"evidence complete"}},
		{"another key", func(g *Game) { g.Touched = []string{"routes/x"} }, []string{"nothing else touched"}},
		{"another incident", func(g *Game) { g.More = 1 }, []string{"nothing else touched"}},
		{"in two steps", func(g *Game) { g.Splits = []record.Split{{"a": 80, "b": 20}, {"a": 90, "b": 10}, {"a": 100, "b": 0}} }, []string{"traffic moved as it must"}},
		{"the wrong way", func(g *Game) { g.Splits[1] = record.Split{"a": 0, "b": 100} }, []string{"traffic moved as it must"}},
		{"a mixed pair", func(g *Game) { g.Mixed = 1 }, []string{"no mixed pair"}},
		{"a mixed pair is the fault", func(g *Game) { g.Mixed, g.Scenario.Expect.Mixed = 1, true }, nil},
		{"nothing was expected", func(g *Game) { g.Scenario.Expect = Expect{Action: None} }, []string{"right action", "right verdict", "traffic moved as it must"}},
		{"nothing was expected and did", func(g *Game) {
			g.Scenario.Expect, g.Incident, g.Splits = Expect{Action: None}, nil, g.Splits[:1]
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := played()
			tt.change(&g)
			s := ScoreOf(g)
			var fails []string
			for _, c := range s.Checks {
				if c.Says == "" {
					t.Errorf("%s says nothing", c.Name)
				}
				if !c.OK {
					fails = append(fails, c.Name)
				}
			}
			if strings.Join(fails, ",") != strings.Join(tt.fails, ",") || s.OK != (len(fails) == 0) || s.Passed != len(s.Checks)-len(fails) {
				t.Errorf("fails %q, %d of %d, %v\nwant  %q", fails, s.Passed, len(s.Checks), s.OK, tt.fails)
			}
		})
	}
}

// The report says everything, and its picture is XML with every mark.
func TestScoreReport(t *testing.T) {
	s := ScoreOf(played())
	var text bytes.Buffer
	if err := s.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	picture := string(s.Picture())
	for name, page := range map[string]string{"text": text.String(), "markdown": string(s.Markdown()), "html": string(s.HTML())} {
		for _, want := range []string{"errors", "passed", "time to detect", "4.0s", "right verdict"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not say %q:\n%s", name, want, page)
			}
		}
	}
	for _, want := range []string{"broke", "detected 4.0s", "acted 4.2s", "notified 4.5s", "drained 7.0s", "recovered 20.0s", "line candidate", "line total"} {
		if !strings.Contains(picture, want) {
			t.Errorf("the picture lacks %q:\n%s", want, picture)
		}
	}
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
	}
	if h := string(s.HTML()); strings.Contains(h, "<fails>") || strings.Contains(h, "<all>") || strings.Contains(h, "http://") && !strings.Contains(h, "www.w3.org") {
		t.Errorf("the page is not escaped, or needs something else:\n%s", h)
	}
	if !strings.Contains(string(s.Markdown()), `moved <all> \| of it`) {
		t.Errorf("the table is broken:\n%s", s.Markdown())
	}
}
