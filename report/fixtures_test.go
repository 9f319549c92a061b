package report

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; look with: go test ./report -update && git diff\ngot:\n%s", name, got)
	}
}

var breach = time.Date(2026, 11, 20, 15, 4, 5, 0, time.UTC)

func after(d time.Duration) time.Time { return breach.Add(d) }

func ranker() *runbook.Runbook {
	return &runbook.Runbook{
		Schema: 1, Service: "ranker", Regions: []string{"eu"}, File: "ranker.yaml", Digest: "sha256:beef",
		Owner: runbook.Owner{Team: "ranking", Contact: "#ranking-oncall", Escalation: "search-platform"},
		Triggers: []runbook.Trigger{
			{Name: "latency-p95", Type: runbook.LatencyQuantile, Severity: runbook.Severe, For: runbook.Duration(5 * time.Minute), Quantile: 0.95, Increase: 0.3},
			{Name: "errors", Type: runbook.ErrorRate, Severity: runbook.Severe, For: runbook.Duration(3 * time.Minute), Above: 0.05},
			{Name: "conversion", Type: runbook.KPIDrop, Severity: runbook.Mild, For: runbook.Duration(15 * time.Minute), KPI: "conversion", Drop: 0.02},
			{Name: "users", Type: runbook.AbsoluteSLO, Severity: runbook.Page, For: runbook.Duration(2 * time.Minute), Above: 0.02},
		},
		Policy:        runbook.Policy{Mode: runbook.Active, Approvers: []string{"alice"}, ApprovalTTL: runbook.Duration(15 * time.Minute), OnExpiry: "page"},
		Communication: runbook.Communication{Channel: "#ranking", Labels: map[string]string{"team": "ranking", "autorollback": "true", "incident": "forged"}},
		Evidence:      runbook.Evidence{Keep: runbook.Duration(90 * 24 * time.Hour), Archive: "s3://evidence/ranker"},
		FollowUp:      runbook.FollowUp{Due: runbook.Duration(48 * time.Hour), Tracker: "https://tracker.example/RANK", Actions: []string{"Review the canary's load test."}},
	}
}

func options() Options {
	return Options{Now: after(20 * time.Minute), External: "https://autorollback.example/", Prometheus: "https://prometheus.example"}
}

func base(trigger string, severity runbook.Severity) record.Incident {
	return record.Incident{
		Schema: 1, ID: "inc-0123456789ab", Service: "ranker", Region: "eu", Release: "rel-42", Epoch: 3,
		Source: record.Webhook, Sources: []record.Source{record.Webhook, record.Watcher}, Triggers: []string{trigger},
		Alerts: []record.Alert{{
			Service: "ranker", Trigger: trigger, Region: "eu", Severity: severity, Firing: true, StartsAt: after(10 * time.Second),
			Source: record.Webhook, ReceivedAt: after(12 * time.Second), Labels: map[string]string{"alertname": "AutorollbackRanker", "service": "ranker"},
		}},
		Breach: record.Breach{
			Trigger: trigger, Severity: severity, State: record.Breaching, Value: 1.342, Significance: record.Significance{At: breach, Value: 1.3, LogE: 9.4}, StartedAt: breach, AskedAt: after(12100 * time.Millisecond),
			CandidatePods: 2, StablePods: 3, StableRate: 190, CandidateRate: 10.04,
			Queries: []record.Query{{Name: "breach", Expr: "histogram_quantile(0.95, sum by (le) (x)) > 1.3", At: after(12 * time.Second), Answer: `[{"value":[1,"1.342"]}]`}},
		},
		Stable:    record.Side{Version: "v1", Backend: "ranker-v1", Bundle: "sha256:1111"},
		Candidate: record.Side{Version: "v2", Backend: "ranker-v2", Bundle: "sha256:2222"},
		OpenedAt:  after(12 * time.Second),
		Timeline: []record.Record{
			{At: after(12 * time.Second), Kind: "alert", Text: trigger + " received by webhook"},
			{At: after(12100 * time.Millisecond), Kind: "confirmed", Text: "Prometheus says the same now"},
		},
	}
}

func shift(inc record.Incident) record.Incident {
	inc.Decision = record.Decision{At: after(12200 * time.Millisecond), Action: record.RollBack, Guard: "severe", Reasons: []string{"the breach is severe and proved; the stable version is warm"}}
	inc.Change = &record.Change{
		From: record.Split{"ranker-v1": 95, "ranker-v2": 5}, To: record.Split{"ranker-v1": 100, "ranker-v2": 0}, Digest: "sha256:c4a9",
		Keys: []record.KeyChange{
			{Key: "traefik/http/services/ranker/weighted/services/0/weight", From: "95", To: "100", Index: 17},
			{Key: "traefik/http/services/ranker/weighted/services/1/weight", From: "5", To: "0", Index: 18},
		},
	}
	inc.Phase, inc.ActedAt, inc.Deadline = record.Acted, after(12400*time.Millisecond), after(612400*time.Millisecond)
	inc.Timeline = append(inc.Timeline, record.Record{At: inc.ActedAt, Kind: "acted", Text: "traffic moved in one transaction", Op: "op-1"})
	return inc
}

func judged(inc record.Incident, o record.Outcome, why string, answers ...record.Answer) record.Incident {
	inc.Phase, inc.DrainedAt = record.Settled, after(21*time.Second)
	inc.Verdict = &record.Verdict{Outcome: o, Reason: why, At: after(96 * time.Second), Answers: answers}
	inc.Timeline = append(inc.Timeline,
		record.Record{At: inc.DrainedAt, Kind: "drained", Text: "the candidate's request rate is zero"},
		record.Record{At: inc.Verdict.At, Kind: "verdict", Text: string(o)})
	return inc
}

func answer(question string, h record.Health, value, limit float64, unit string) record.Answer {
	return record.Answer{
		Question: question, Health: h, Value: value, Limit: limit, Before: limit * 0.9, Samples: 11520, Unit: unit, Text: question + " is " + string(h),
		Business: question == "kpi conversion", At: after(96 * time.Second), Query: record.Query{Expr: "the_question", At: after(96 * time.Second), Answer: "[]"},
	}
}

// incidents are the goldens: one of each end, and one of each open phase.
func incidents() map[string]record.Incident {
	open := base("latency-p95", runbook.Severe)
	open.Phase, open.Breach.State, open.Breach.Problem = record.Unconfirmed, record.Unreachable, "dial tcp: connection refused"

	rebuilding := base("latency-p95", runbook.Severe)
	rebuilding.Phase, rebuilding.Breach.State = record.Unconfirmed, record.Unreachable
	rebuilding.Breach.Significance = record.Significance{Problem: "the significance is being rebuilt from Prometheus' history"}
	rebuilding.Breach.Problem = rebuilding.Breach.Significance.Problem

	mild := base("conversion", runbook.Mild)
	mild.Phase, mild.Breach.Value, mild.Approval = record.Awaiting, 0.951, "00112233445566778899aabbccddeeff"
	mild.Decision = record.Decision{Action: record.Ask, Guard: "mild", Reasons: []string{"a mild breach: a human decides"}, Page: true}

	mild.Breach.Significance.Onset = record.Onset{From: after(-4 * time.Minute), To: after(-70 * time.Second), At: after(-2 * time.Minute)}
	mild.Impact = &record.Impact{From: after(-2 * time.Minute), Until: after(10 * time.Second), Basis: record.BesideStable, Ongoing: true, Losses: []record.Loss{
		{Kind: record.Failures, All: 1300, Excess: 1.2, Low: -5.1, High: 7.6, Rate: 0.02},
		{Kind: record.Missed, Name: "conversion", All: 1288, Excess: 388.4, Low: 341.2, High: 431.9, Rate: 7.46}}}

	held := base("errors", runbook.Severe)
	held.Phase, held.Breach.Value = record.HeldPhase, 0.084
	held.Decision = record.Decision{
		Action: record.Hold, Guard: "manual_override", Page: true,
		Reasons: []string{"somebody changed the split from 95/5 to 50/50"},
		Choices: []string{"put the split back", "let the release go on with the split as it is"},
	}
	held.Timeline = append(held.Timeline, record.Record{At: after(13 * time.Second), Kind: "external_change", Text: "wanted 95/5, found 50/50"})

	frozen := base("users", runbook.Page)
	frozen.Phase, frozen.Breach.Value, frozen.Breach.Significance.LogE, frozen.Breach.StableUnhealthy = record.Frozen, 0.31, 0, true
	frozen.Decision = record.Decision{Action: record.Freeze, Guard: "stable_unhealthy", Reasons: []string{"both versions are unhealthy: the release is not the cause"}, Page: true}
	frozen.Verdict = &record.Verdict{Outcome: record.WrongCause, Reason: "both versions are unhealthy: the release is not the cause", At: after(13 * time.Second)}

	frozen.Breach.Significance.Onset = record.Onset{From: after(-150 * time.Second), To: after(-90 * time.Second), At: after(-2 * time.Minute)}
	frozen.Impact = &record.Impact{From: after(-2 * time.Minute), Until: after(10 * time.Second), Basis: record.BeforeHarm, Whole: true, Ongoing: true, Losses: []record.Loss{
		{Kind: record.Failures, All: 26000, Excess: 5312.4, Low: 5100, High: 5520, Rate: 57.3}}}

	verifying := shift(base("latency-p95", runbook.Severe))
	verifying.Phase, verifying.DrainedAt, verifying.Polls, verifying.PolledAt = record.Verifying, after(21*time.Second), 1, after(40*time.Second)
	verifying.Breach.Significance.Onset = record.Onset{From: after(-20 * time.Minute), To: after(-70 * time.Second), At: after(-20 * time.Minute), Open: true}
	verifying.Impact = &record.Impact{Problem: "there is nothing to compare with: stable had no traffic at the same time, and none in the hour before"}
	verifying.Applied = &record.Applied{Epoch: 4, WrittenAt: verifying.ActedAt, ReadBackAt: after(12430 * time.Millisecond), Instances: []record.RouterInstance{
		{Address: "http://10.0.0.5:8080", AppliedAt: after(14 * time.Second)},
		{Address: "http://10.0.0.6:8080", LateAt: after(23 * time.Second), Problem: "it does not answer within 2s"},
		{Address: "http://10.0.0.7:8080", LateAt: after(23 * time.Second), Problem: "it serves ranker-v1 95, ranker-v2 5", AppliedAt: after(36 * time.Second)}}}
	verifying.Health, verifying.Answers, verifying.Unproved = record.Good, []record.Answer{answer("error rate", record.Good, 0.001, 0.005, "ratio")}, []string{"kpi conversion"}

	recovered := judged(shift(base("latency-p95", runbook.Severe)), record.Recovered, "every question is good, three polls in a row",
		answer("error rate", record.Good, 0.0012, 0.005, "ratio"), answer("p95 latency", record.Good, 0.182, 0.21, "s"), answer("kpi conversion", record.Good, 0.0513, 0.0489, "ratio"))
	recovered.Impact = &record.Impact{From: after(-85 * time.Second), Until: after(45 * time.Second), Basis: record.BesideStable, Method: record.ImpactMethod, Losses: []record.Loss{
		{Kind: record.Failures, All: 1064, Excess: 2.2, Low: -4.1, High: 8.6},
		{Kind: record.Slow, All: 1064, Excess: 121.6, Low: 96.2, High: 147.9, Limit: 0.2104, Quantile: 0.95},
		{Kind: record.Missed, Name: "conversion", All: 1058, Excess: -31.7, Low: -52.2, High: -9.9},
		{Kind: record.Value, Name: "revenue", Unit: "EUR", All: 1058, Excess: 310.25, Low: 12.5, High: 611.875}}}
	recovered.Breach.Significance.Onset = record.Onset{From: after(-100 * time.Second), To: after(-70 * time.Second), At: after(-85 * time.Second)}
	recovered.Applied = &record.Applied{Epoch: 4, WrittenAt: recovered.ActedAt, ReadBackAt: after(12430 * time.Millisecond), AppliedAt: after(15 * time.Second),
		Instances: []record.RouterInstance{{Address: "http://10.0.0.5:8080", AppliedAt: after(14 * time.Second)}, {Address: "http://10.0.0.6:8080", AppliedAt: after(15 * time.Second)}}}

	errors := shift(base("errors", runbook.Severe))
	errors.Breach.Value = 0.084

	return map[string]record.Incident{
		"unconfirmed": open, "rebuilding": rebuilding, "awaiting": mild, "held": held, "wrong_cause": frozen,
		"acted": shift(base("latency-p95", runbook.Severe)), "verifying": verifying,
		"recovered":     recovered,
		"not_recovered": judged(errors, record.NotRecovered, "the error rate is still above its limit", answer("error rate", record.Bad, 0.061, 0.005, "ratio")),
		"cannot_tell":   judged(errors, record.CannotTell, "two of three questions have no fresh data", answer("error rate", record.Unknown, 0, 0.005, "ratio")),
	}
}

// hostile is text as an attacker would write it into a label.
const hostile = "a|b `c` *d* _e_ [x](https://evil.example) <script>alert(1)</script> <!channel> @here\n# h1\n| \u202egnp.exe\u202c \u200b & {{.Secret}} www.evil.example ![i](//x) -->"

func hostileIncident() record.Incident {
	inc := judged(shift(base(hostile, runbook.Severe)), record.NotRecovered, hostile, answer(hostile, record.Bad, 1, 2, hostile))
	inc.Service, inc.Region, inc.Release, inc.By = hostile, hostile, hostile, hostile
	inc.Stable = record.Side{Version: hostile, Backend: hostile, Bundle: hostile}
	inc.Candidate = inc.Stable
	inc.Decision.Reasons, inc.Decision.Choices = []string{hostile}, []string{hostile, "1. " + hostile, "- x", "===", "+ y"}
	inc.Breach.Problem, inc.Evidence, inc.Triggers = hostile, hostile, []string{hostile, hostile}
	inc.Breach.Queries = []record.Query{{Name: hostile, Expr: "````\na < 1\n````", Answer: "````````" + hostile}}
	inc.Alerts[0].Labels = map[string]string{hostile: hostile, "api_token": "CANARY-9f"}
	inc.Change.Keys[0] = record.KeyChange{Key: hostile, From: hostile, To: hostile}
	inc.Timeline = append(inc.Timeline, record.Record{At: breach, Kind: hostile, Text: hostile, By: hostile})
	return inc
}
