package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/secret"
)

var breach = time.Date(2026, 11, 20, 15, 4, 5, 0, time.UTC)

// hostile is text as an attacker would write it into a label.
const hostile = "a|b `c` *d* _e_ [x](https://evil.example) <script>alert(1)</script> <!channel> @here\n# h1\n| \u202egnp.exe\u202c \u200b & {{.Secret}} www.evil.example ![i](//x) -->"

func ranker() *runbook.Runbook {
	return &runbook.Runbook{
		Schema: 1, Service: "ranker", Regions: []string{"eu"},
		Owner:         runbook.Owner{Team: "ranking", Contact: "#ranking-oncall"},
		Triggers:      []runbook.Trigger{{Name: "latency-p95", Type: runbook.LatencyQuantile, Severity: runbook.Severe, For: runbook.Duration(5 * time.Minute), Quantile: 0.95, Increase: 0.3}},
		Policy:        runbook.Policy{Mode: runbook.Active, Approvers: []string{"alice"}, ApprovalTTL: runbook.Duration(15 * time.Minute), OnExpiry: "page"},
		Communication: runbook.Communication{Channel: "#ranking", Labels: map[string]string{"team": "ranking", "autorollback": "true", "incident": "forged"}},
	}
}

// incidents are one that waits for approval, one that acted and one that ended.
func incidents() map[string]record.Incident {
	open := record.Incident{
		Schema: 1, ID: "inc-0123456789ab", Service: "ranker", Region: "eu", Release: "rel-42", Epoch: 3, Triggers: []string{"latency-p95"},
		Breach: record.Breach{Trigger: "latency-p95", Severity: runbook.Severe, State: record.Breaching, Value: 1.342, StartedAt: breach,
			Significance: record.Significance{At: breach, Value: 1.3, LogE: 9.4}},
		Stable: record.Side{Version: "v1", Backend: "ranker-v1"}, Candidate: record.Side{Version: "v2", Backend: "ranker-v2"},
		OpenedAt: breach.Add(12 * time.Second),
	}
	awaiting := open
	awaiting.Phase, awaiting.Approval = record.Awaiting, approval().ID
	awaiting.Decision = record.Decision{Action: record.Ask, Guard: "mild", Reasons: []string{"a mild breach: a human decides"}, Page: true}
	acted := open
	acted.Phase, acted.ActedAt = record.Acted, breach.Add(12400*time.Millisecond)
	acted.Decision = record.Decision{Action: record.RollBack, Guard: "severe", Reasons: []string{"the breach is severe and proved; the stable version is warm"}}
	recovered := acted
	recovered.Phase = record.Settled
	recovered.Verdict = &record.Verdict{Outcome: record.Recovered, Reason: "every question is good, three polls in a row", At: breach.Add(96 * time.Second)}
	return map[string]record.Incident{"awaiting": awaiting, "acted": acted, "recovered": recovered}
}

func hostileIncident() record.Incident {
	inc := incidents()["awaiting"]
	inc.Service, inc.Region, inc.Breach.Trigger = hostile, hostile, hostile
	inc.Stable, inc.Candidate = record.Side{Version: hostile}, record.Side{Version: hostile}
	inc.Decision.Reasons, inc.Decision.Choices, inc.Breach.Problem = []string{hostile}, []string{hostile}, hostile
	return inc
}

func approval() record.Approval {
	return record.Approval{
		Schema: 1, ID: "00112233445566778899aabbccddeeff", Kind: "rollback", Service: "ranker", Region: "eu",
		Incident: "inc-0123456789ab", Release: "rel-42", Epoch: 3, Change: "sha256:c4a9",
		Status: record.Pending, CreatedAt: breach, ExpiresAt: breach.Add(15 * time.Minute),
	}
}

func ring(t *testing.T, lines ...secret.Value) report.Keyring {
	t.Helper()
	var text []string
	for _, l := range lines {
		text = append(text, l.Reveal())
	}
	k, err := report.ParseKeyring([]byte(strings.Join(text, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return k.For("https://autorollback.example")
}
