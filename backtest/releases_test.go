package backtest

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

func TestParseReleases(t *testing.T) {
	good := `
releases:
- {stable: v2, candidate: v3, start: 2026-01-06T10:00:00Z, weights: [{at: 2026-01-06T10:00:00Z, percent: 5}, {at: "2026-01-06 11:00", percent: 25}]}
- {id: r1, stable: v1, candidate: v2, start: 1767607200, end: 2026-01-05T12:00:00+01:00, weight: 10}
`
	all, err := ParseReleases("releases.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].ID != "r1" || all[0].Start.Hour() != 10 || all[0].End.Hour() != 11 || all[1].ID != "v3-20260106T1000" {
		t.Fatalf("got %+v", all)
	}
	if w := all[1].weight(all[1].Start.Add(90 * time.Minute)); w.Percent != 25 {
		t.Errorf("weight: %+v", w)
	}
	if !all[1].open(all[1].Start.Add(1000*time.Hour)) || all[0].open(all[0].End) {
		t.Error("open is wrong")
	}
}

func TestParseReleasesSaysHowToMend(t *testing.T) {
	one := "stable: v1, candidate: v2, start: 2026-01-06T10:00:00Z, weight: 5"
	for name, c := range map[string]struct{ text, want string }{
		"empty":     {"[]", "no release in it"},
		"misspelt":  {"- {stabel: v1}", "stabel"},
		"no stable": {"- {candidate: v2}", "[0].stable: is missing; write"},
		"same":      {"- {stable: v1, candidate: v1}", "name two versions"},
		"no start":  {"- {stable: v1, candidate: v2, weight: 5}", "[0].start: is missing"},
		"bad start": {"- {stable: v1, candidate: v2, start: yesterday}", "write it like"},
		"end first": {"- {" + one + ", end: 2026-01-06T09:00:00Z}", "not after start"},
		"no weight": {"- {stable: v1, candidate: v2, start: 2026-01-06T10:00:00Z}", "weight: is missing"},
		"weight":    {"- {stable: v1, candidate: v2, start: 2026-01-06T10:00:00Z, weight: 150}", "write 0 to 100"},
		"at once":   {"- {" + one + "}\n- {id: x, " + one + "}", "while v2-20260106T1000 is open"},
		"other key": {"deploys: []", "deploys: unknown key; known here: releases"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseReleases("releases.yaml", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "releases.yaml:") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestParseIncidents(t *testing.T) {
	for name, text := range map[string]string{
		"moments":      `["2026-01-06T10:00:00Z"]`,
		"ours":         `incidents: [{start: 2026-01-06T10:00:00Z, end: 2026-01-06T11:00:00Z, name: boom}]`,
		"alertmanager": `{"alerts":[{"startsAt":"2026-01-06T10:00:00Z","endsAt":"0001-01-01T00:00:00Z","labels":{"alertname":"boom","service":"ranker"}},{"startsAt":"2026-01-07T10:00:00Z","labels":{"service":"other"}}]}`,
		"github":       `[{"title":"boom","created_at":"2026-01-06T10:00:00Z","closed_at":null,"html_url":"x"}]`,
		"grafana":      `[{"time":1767693600000,"timeEnd":1767697200000,"text":"boom","tags":["incident"]}]`,
	} {
		t.Run(name, func(t *testing.T) {
			all, err := ParseIncidents("i.json", "ranker", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if len(all) != 1 || !all[0].From.Equal(time.Date(2026, 1, 6, 10, 0, 0, 0, time.UTC)) || name != "moments" && all[0].Name != "boom" {
				t.Errorf("got %+v", all)
			}
			if !all[0].To.IsZero() && all[0].To.Hour() != 11 {
				t.Errorf("end: %s", all[0].To)
			}
		})
	}
	if none, err := ParseIncidents("i.json", "ranker", []byte("[]")); err != nil || none == nil || len(none) > 0 {
		t.Errorf("an empty list: %v %v", none, err)
	}
	for text, want := range map[string]string{
		"- {name: x}":                            "i.json:1: incidents[0].start: is missing; name it by one of",
		"[tomorrow]":                             "write it like",
		"just words":                             "no list of incidents",
		`[{start: 2026-01-06, end: 2026-01-05}]`: "before the start",
	} {
		if _, err := ParseIncidents("i.json", "ranker", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// The releases that were announced are found in the traffic.
func TestDeriveReleases(t *testing.T) {
	pods, want := twoReleases()
	source := openPast(t, pods, 62*time.Minute, false)
	got, err := DeriveReleases(t.Context(), source, pastBook(t, false), pastStart, pastStart.Add(62*time.Minute), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("found %+v", got)
	}
	for i, g := range got {
		w := want[i]
		if g.Stable != w.Stable || g.Candidate != w.Candidate || g.Region != w.Region ||
			g.Start.Sub(w.Start).Abs() > 2*time.Minute || g.End.Sub(w.End).Abs() > 2*time.Minute {
			t.Errorf("found %+v, want %+v", g, w)
		}
		if p := g.weight(g.Start.Add(5 * time.Minute)).Percent; p < 15 || p > 25 {
			t.Errorf("share of %s: %v, want about 20", g.ID, p)
		}
	}
}

// With tracks the label says who is the candidate, whoever came first.
func TestPartner(t *testing.T) {
	track := &runbook.Track{Label: "track", Stable: "main", Candidate: "canary"}
	canary, before, beside, after := presence{"canary", 10, 20}, presence{"main", 0, 8}, presence{"main", 12, 30}, presence{"main", 40, 90}
	all := []presence{before, canary, beside, after}
	if got, ok := partner(all, 1, track); !ok || got != beside {
		t.Errorf("beside the canary: %+v %v", got, ok)
	}
	if got, ok := partner(all, 2, track); ok {
		t.Errorf("the stable track is no candidate: %+v", got)
	}
	versions := []presence{{"v1", 0, 50}, {"v2", 5, 45}, {"v3", 30, 60}}
	if got, ok := partner(versions, 2, nil); !ok || got.side != "v1" {
		t.Errorf("beside v3: %+v %v", got, ok)
	}
	if got, ok := partner(versions, 0, nil); ok {
		t.Errorf("v1 came first: %+v", got)
	}
}
