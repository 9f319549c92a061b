package browser

import (
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// status has a row in every table of the dashboard.
func status(now time.Time) view.Status {
	rules := record.RulesCheck{Schema: 1, Service: "ranker", Digest: digestV1, State: record.RulesDrifted, At: now.Add(-time.Minute), Since: now.Add(-time.Hour),
		Drift: []record.RuleDiff{{Kind: "series", Trigger: "slow", Text: "model_request_duration_seconds_bucket has no series with job=\"ranker\"", Fix: "look at the pods' /metrics"}}}
	return view.Status{
		Control: record.Control{Mode: runbook.Active, By: "ann", Reason: "the drill is over"}, Replica: "autorollback-0",
		Releases: releases(now), Incidents: incidents(now), Rules: []record.RulesCheck{rules, {Service: "search", State: record.RulesOneToOne, At: now}},
		Waiting: []record.WaitingOrder{{Order: record.Order{ID: "1", At: now, Caller: record.Caller{Name: "ann", How: record.BasicAuth}, Action: record.OrderFlip, Service: "search",
			Region: "default", Reason: "the region moves", Waits: now.Add(10 * time.Minute)}, Text: "give v7 all traffic at once"}},
		Quarantine: []record.Quarantine{{Bundle: digestV2, Service: "ranker", Incident: "inc-recovered", Reason: "errors: 8.4 % of requests fail", At: now.Add(-3 * time.Hour), Version: "v2"}},
		Shadow: []record.ShadowVerdict{{Service: "ranker", Candidate: digestV2, Stable: digestV1, Verdict: "block", Rule: "flips", Reason: "3.1 % of the top ten change, more than 2 %",
			Compared: 120_000, Report: digestUp, At: now.Add(-30 * time.Hour), By: "ci"}},
		Mirrors: []record.Mirror{{Service: "search", Region: "default", Backend: "search-v8", Percent: 10, StartedAt: now.Add(-time.Hour), Until: now.Add(time.Hour), StartedBy: "ann"}},
		Alerts: []record.AlertResult{{At: now.Add(-2 * time.Minute), Count: 3, Source: record.Webhook, Service: "ranker", Region: "default", Trigger: "slowish", Outcome: record.Confirmed,
			Incident: "inc-awaiting", Release: "rel-42", State: record.Breaching, Effect: "58 % more", Limit: "30 %", Significance: 1.3, Action: record.Ask, Guard: "mild", Reason: "a mild breach: a human decides"},
			{At: now.Add(-time.Hour), Count: 1, Source: record.Watcher, Service: "search", Trigger: "errors", Outcome: record.NotTrue}},
		Behind: []record.Behind{{Service: "fraud-detection-for-card-payments", Region: "eu-central-1", Since: now.Add(-time.Hour), Why: "the store has release rel-6, and rel-7 was seen"}},
		Lost:   []view.LostRegion{{Region: "ap-southeast-2", Problem: "dial tcp 10.9.0.1:8500: i/o timeout"}},
		Progress: []view.Progress{{Service: "search", Plan: "plan-1", Version: "v7", Steps: []view.RegionStand{{Region: "eu-central-1", State: view.StandProved, Version: "v7", Weight: 100},
			{Region: "us-east-1", State: "open", Version: "v7", Weight: 25, Text: "ramps"}, {Region: "ap-southeast-2", State: view.StandWaiting, Lost: "has not answered since 02:10:40 UTC: i/o timeout"}}}},
	}
}

// releases are one of each state.
func releases(now time.Time) []record.Release {
	open := func(service, id string, weight runbook.Weight) record.Release {
		r := record.Release{Schema: 1, ID: id, Service: service, Region: "default", Stable: stable, Candidate: candidate, Weight: weight, Phase: record.Open, Epoch: 3,
			StartedAt: now.Add(-time.Hour), StartedBy: "ci", WeightChangedAt: now.Add(-8 * time.Minute), TrafficAt: now.Add(-58 * time.Minute),
			Standby: &record.Standby{State: record.Warm, Since: now.Add(-time.Hour)},
			Moves:   []record.Move{{At: now.Add(-time.Hour), To: weight, By: "ci", Why: "start", Epoch: 3}}}
		return r
	}
	asked := open("ranker", "rel-42", 5)
	asked.Incident, asked.Frozen = "inc-awaiting", "slowish breaches"
	ramping := open("search", "rel-7", 25)
	ramping.Waiting = "the step's least time is over in 2 m 10 s"
	held := open("fraud-detection-for-card-payments", "rel-9", 50)
	held.Held = &record.HumanHold{Since: now.Add(-20 * time.Minute), Want: record.Split{"ranker-v1": 95, "ranker-v2": 5}, Found: record.Split{"ranker-v1": 50, "ranker-v2": 50}}
	held.Standby = &record.Standby{State: record.Cold, Since: now.Add(-5 * time.Minute), Why: "1 of 3 pods is ready"}
	stopped := open("images", "rel-3", 10)
	stopped.Stopped = &record.HumanStop{At: now.Add(-9 * time.Minute), By: "ann", Reason: "the data team looks at it"}
	stopped.NotProved = &record.HumanWord{By: "bob", Reason: "v0 is gone", At: now.Add(-time.Hour)}
	stopped.Pending = []record.DeferredWrite{{Op: "op-7", Place: "consul", Keys: []record.KeyChange{{Key: longKey}}, Since: now.Add(-time.Minute), Problem: "connection refused"}}
	closed := open("embeddings", "rel-1", 100)
	closed.Phase, closed.ClosedAt = record.Closed, now.Add(-30*time.Hour)
	back := open("moderation", "rel-2", 0)
	back.Phase, back.Incident = record.RolledBack, "inc-recovered"
	return []record.Release{asked, ramping, held, stopped, closed, back}
}
