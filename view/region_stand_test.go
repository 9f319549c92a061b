package view_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

func TestProgressOfARegionPlan(t *testing.T) {
	now := time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)
	plan := &record.RegionPlan{ID: "plan-1", Regions: []string{"eu", "us", "ap"}, Launch: runbook.Launch{Service: "ranker"}}
	rel := func(region string, phase record.ReleasePhase) []record.Release {
		return []record.Release{{ID: "rel-" + region, Service: "ranker", Region: region, Phase: phase, StartedAt: now, Regions: plan, Planned: []string{plan.ID}}}
	}
	at := func(region string, releases []record.Release) record.StoreState {
		return record.StoreState{Regions: []string{region}, At: now, Releases: releases}
	}
	old := []record.Release{{ID: "rel-old", Service: "ranker", Region: "us", Phase: record.Closed, StartedAt: now.Add(-time.Hour)}}
	lost := record.StoreState{Regions: []string{"us"}, Problem: "no route"}
	for _, c := range []struct {
		name         string
		eu, us, ap   record.StoreState
		want, euText string
	}{
		{"the first is on its way", at("eu", rel("eu", record.Open)), at("us", old), at("ap", nil), "open waiting waiting", "waits for eu"},
		{"the second is", at("eu", rel("eu", record.Closed)), at("us", rel("us", record.Open)), at("ap", nil), "proved open waiting", "waits for us"},
		{"the second is due", at("eu", rel("eu", record.Closed)), at("us", old), at("ap", nil), "proved waiting waiting", "it starts"},
		{"the first was rolled back", at("eu", rel("eu", record.RolledBack)), at("us", old), at("ap", nil), "rolled_back never never", "eu was rolled back"},
		{"the second is gone", at("eu", rel("eu", record.Closed)), lost, at("ap", nil), "proved waiting waiting", "waits for us, whose store has not answered"},
		{"all are proved", at("eu", rel("eu", record.Closed)), at("us", rel("us", record.Closed)), at("ap", rel("ap", record.Closed)), "proved proved proved", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := view.ProgressOf([]record.StoreState{c.eu, c.us, c.ap}, now)
			if len(all) != 1 || len(all[0].Steps) != 3 {
				t.Fatalf("progress is %+v", all)
			}
			s := all[0].Steps
			if got := fmt.Sprint(s[0].State, " ", s[1].State, " ", s[2].State); got != c.want {
				t.Errorf("states are %s, want %s", got, c.want)
			}
			if texts := s[0].Text + s[1].Text + s[2].Text; !strings.Contains(texts, c.euText) {
				t.Errorf("texts are %q", texts)
			}
		})
	}
}
