package browser

import (
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

const (
	digestV1 = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	digestV2 = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
	digestUp = "sha256:c4a9c4a9c4a9c4a9c4a9c4a9c4a9c4a9c4a9c4a9c4a9c4a9c4a9c4a9c4a9c4a9"
	longKey  = "traefik/http/services/recommendation-ranker-eu-central/weighted/services/0/weight"
)

var (
	stable    = record.Side{Version: "v1", Backend: "ranker-v1", Bundle: digestV1}
	candidate = record.Side{Version: "v2", Backend: "ranker-v2", Bundle: digestV2}
)

// incidents are one of each state in which a person can find one, the newest first.
func incidents(now time.Time) []record.Incident {
	began := func(ago time.Duration) time.Time { return now.Add(-ago).UTC().Truncate(time.Second) }
	awaiting := breached("inc-awaiting", "slowish", runbook.Mild, began(2*time.Minute))
	awaiting.Phase, awaiting.Approval = record.Awaiting, "ap-rollback"
	awaiting.Decision = record.Decision{Action: record.Ask, Guard: "mild", Reasons: []string{"a mild breach: a human decides"}, Page: true, At: began(115 * time.Second)}

	unconfirmed := breached("inc-unconfirmed", "errors", runbook.Severe, began(time.Minute))
	unconfirmed.Phase, unconfirmed.Breach.State, unconfirmed.Breach.Problem = record.Unconfirmed, record.Unreachable, "dial tcp 10.0.0.4:9090: connection refused"

	held := breached("inc-held", "errors", runbook.Severe, began(20*time.Minute))
	held.Phase = record.HeldPhase
	held.Decision = record.Decision{Action: record.Hold, Guard: "manual_override", Page: true, Reasons: []string{"somebody changed the split from 95/5 to 50/50"},
		Choices: []string{"put the split back", "let the release go on with the split as it is"}}

	frozen := breached("inc-frozen", "slo", runbook.Page, began(40*time.Minute))
	frozen.Phase, frozen.Breach.StableUnhealthy = record.Frozen, true
	frozen.Decision = record.Decision{Action: record.Freeze, Guard: "stable_unhealthy", Page: true, Reasons: []string{"both versions are unhealthy: the release is not the cause"}}
	frozen.Verdict = &record.Verdict{Outcome: record.WrongCause, Reason: "both versions are unhealthy: the release is not the cause", At: began(39 * time.Minute)}

	verifying := moved(breached("inc-verifying", "errors", runbook.Severe, began(3*time.Minute)))
	verifying.Phase, verifying.DrainedAt, verifying.Polls, verifying.PolledAt = record.Verifying, began(150*time.Second), 1, began(20*time.Second)
	verifying.Health, verifying.Answers, verifying.Unproved = record.Good, answers(record.Good, began(20*time.Second))[:1], []string{"kpi conversion"}
	verifying.Applied.Instances[1] = record.RouterInstance{Address: "http://10.0.0.6:8080", LateAt: began(150 * time.Second), Problem: "it does not answer within 2s"}

	return []record.Incident{unconfirmed, awaiting, verifying, held, frozen,
		judged(breached("inc-recovered", "errors", runbook.Severe, began(3*time.Hour)), record.Recovered, "every question is good, three polls in a row"),
		judged(breached("inc-not-recovered", "errors", runbook.Severe, began(26*time.Hour)), record.NotRecovered, "the error rate is still above its limit"),
		judged(breached("inc-cannot-tell", "slow", runbook.Severe, began(50*time.Hour)), record.CannotTell, "two of three questions have no fresh data"),
	}
}

func breached(id, trigger string, severity runbook.Severity, at time.Time) record.Incident {
	b := record.Breach{Trigger: trigger, Severity: severity, State: record.Breaching, Value: 0.084, AskedAt: at.Add(100 * time.Millisecond), StartedAt: at.Add(-12 * time.Second),
		CandidatePods: 2, StablePods: 3, StableRate: 190, CandidateRate: 10.04,
		Significance: record.Significance{At: at, Value: 1.3, LogE: 9.4, Onset: record.Onset{From: at.Add(-70 * time.Second), To: at.Add(-40 * time.Second), At: at.Add(-55 * time.Second)}},
		Queries: []record.Query{{Name: "breach", At: at, Answer: `[{"metric":{"service":"ranker"},"value":[1795874645,"0.084"]}]`,
			Expr: `sum by (version) (rate(model_requests_total{job="ranker",code=~"5.."}[10s])) / sum by (version) (rate(model_requests_total{job="ranker"}[10s])) > 0.05`}}}
	if trigger == "slow" || trigger == "slowish" {
		b.Value = 1.58
	}
	return record.Incident{Schema: 1, ID: id, Service: "ranker", Region: "default", Release: "rel-42", Epoch: 3, Source: record.Webhook,
		Sources: []record.Source{record.Webhook, record.Watcher}, Triggers: []string{trigger}, Breach: b, Stable: stable, Candidate: candidate, OpenedAt: at,
		Alerts: []record.Alert{{Service: "ranker", Trigger: trigger, Region: "default", Severity: severity, Firing: true, StartsAt: at, ReceivedAt: at, Source: record.Webhook,
			Labels:      map[string]string{"alertname": "AutorollbackRanker", "service": "ranker", "trigger": trigger},
			Annotations: map[string]string{"summary": "v2 fails <b>more</b> often than v1", "runbook_url": "https://runbooks.example/ranker"}}},
		Timeline: []record.Record{{At: at, Kind: "alert", Text: trigger + " received by webhook"}, {At: at.Add(100 * time.Millisecond), Kind: "confirmed", Text: "Prometheus says the same now"}}}
}

// moved is an incident whose traffic was moved.
func moved(inc record.Incident) record.Incident {
	at := inc.OpenedAt.Add(400 * time.Millisecond)
	inc.Decision = record.Decision{At: inc.OpenedAt.Add(200 * time.Millisecond), Action: record.RollBack, Guard: "severe", Reasons: []string{"the breach is severe and proved; the stable version is warm"}}
	plan := change()
	inc.Change, inc.Phase, inc.ActedAt, inc.Deadline = &plan, record.Acted, at, at.Add(10*time.Minute)
	inc.Applied = &record.Applied{Epoch: 4, WrittenAt: at, ReadBackAt: at.Add(30 * time.Millisecond), Instances: []record.RouterInstance{
		{Address: "http://10.0.0.5:8080", AppliedAt: at.Add(2 * time.Second)}, {Address: "http://10.0.0.6:8080", AppliedAt: at.Add(3 * time.Second)}}}
	inc.Timeline = append(inc.Timeline, record.Record{At: at, Kind: "acted", Text: "traffic moved in one transaction", Op: "op-1"})
	return inc
}

func change() record.Change {
	return record.Change{From: record.Split{"ranker-v1": 95, "ranker-v2": 5}, To: record.Split{"ranker-v1": 100, "ranker-v2": 0}, Digest: digestUp,
		Keys: []record.KeyChange{{Key: longKey, From: "95", To: "100", Index: 17}, {Key: longKey + "-of-the-candidate", From: "5", To: "0", Index: 18}}}
}

func judged(inc record.Incident, o record.Outcome, why string) record.Incident {
	inc = moved(inc)
	health := map[record.Outcome]record.Health{record.Recovered: record.Good, record.NotRecovered: record.Bad, record.CannotTell: record.Unknown}[o]
	inc.Phase, inc.DrainedAt, inc.ClosedAt = record.Done, inc.ActedAt.Add(9*time.Second), inc.ActedAt.Add(3*time.Minute)
	inc.Verdict = &record.Verdict{Outcome: o, Reason: why, At: inc.ActedAt.Add(84 * time.Second), Answers: answers(health, inc.ActedAt.Add(84*time.Second))}
	inc.Evidence, inc.EvidenceAt, inc.EvidenceDigest = "/var/lib/autorollback/evidence/"+inc.ID, inc.ClosedAt, digestUp
	inc.Timeline = append(inc.Timeline, record.Record{At: inc.DrainedAt, Kind: "drained", Text: "the candidate's request rate is zero"},
		record.Record{At: inc.Verdict.At, Kind: "verdict", Text: string(o)})
	return inc
}

func answers(health record.Health, at time.Time) []record.Answer {
	one := func(question, unit string, value, limit float64) record.Answer {
		return record.Answer{Question: question, Unit: unit, Value: value, Limit: limit, Before: limit * 0.9, Samples: 11520, Health: health, Text: question + " is " + string(health),
			At: at, Business: question == "kpi conversion", Query: record.Query{Expr: "sum(rate(model_requests_total[10s]))", At: at, Answer: "[]"}}
	}
	return []record.Answer{one("error rate", "ratio", 0.0012, 0.005), one("p95 latency", "s", 0.182, 0.21), one("kpi conversion", "ratio", 0.0513, 0.0489)}
}
