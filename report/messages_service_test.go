package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A release tells from its start to its end what share the candidate has, and what comes next.
func TestMessagesOfARelease(t *testing.T) {
	minutes := func(n int) runbook.Duration { return runbook.Duration(time.Duration(n) * time.Minute) }
	rb := ranker()
	rb.Rollout = &runbook.Rollout{Strategy: runbook.Canary, Promote: runbook.PromoteAutomatic, Bake: minutes(60),
		Steps: []runbook.RampStep{{Weight: 5, For: minutes(10)}, {Weight: 50, For: minutes(30)}, {Weight: 100}}}
	rel := record.Release{ID: "rel-1", Service: "ranker", Region: "eu", Epoch: 1, Weight: 5,
		Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}}
	ann := record.Caller{Name: "ann", How: record.BasicAuth, From: "192.0.2.7"}
	promoted := rel
	promoted.Epoch, promoted.Weight, promoted.Moves = 2, 50, []record.Move{{To: 5, Why: "start"}, {From: 5, To: 50, Why: "promote"}}
	checked := promoted
	checked.Weight, checked.Proof = 100, &record.Proof{Health: record.Good, Reason: "recovery questions are good"}
	noRamp, safer := ranker(), rel
	noRamp.Rollout = nil
	safer.Rollout = &runbook.Rollout{Strategy: runbook.Canary, Steps: []runbook.RampStep{{Weight: 5, For: minutes(45)}, {Weight: 10, For: minutes(60)}, {Weight: 100}}}
	flips, green := ranker(), rel
	flips.Rollout, green.Weight = &runbook.Rollout{Strategy: runbook.BlueGreen, Bake: minutes(60), Holdback: 5}, 0
	var out bytes.Buffer
	for _, m := range []record.Message{
		StartedMsg(rel, rb, ann, breach), StartedMsg(safer, rb, ann, breach), StartedMsg(green, flips, ann, breach), StartedMsg(rel, noRamp, record.Caller{}, breach),
		PromoteMsg(rel, rb, record.Approval{ID: "0123456789", ExpiresAt: after(time.Hour)}, breach), PromotedMsg(promoted, rb, breach),
		ProofMsg(checked, rb, breach), ProvedMsg(checked, rb, "", breach),
	} {
		fmt.Fprintf(&out, "%s: page=%t ends=%s approval=%s\n%s\n%s\n\n", m.ID, m.Page, clock(m.EndsAt), m.Approval, m.Title, m.Text)
		if n := utf8.RuneCountInString(m.Title); n > 80 || m.Incident != "" || m.Service != "ranker" || m.Region != "eu" || m.StartsAt != breach {
			t.Errorf("a title of %d characters, or another release's: %+v", n, m)
		}
	}
	golden(t, "releases.txt", out.Bytes())
}

// Versions and names are other people's texts.
func TestHostileStartedMessage(t *testing.T) {
	rel := record.Release{Service: "ranker", Region: "eu", Stable: record.Side{Version: hostile}, Candidate: record.Side{Version: hostile}}
	m := StartedMsg(rel, ranker(), record.Caller{Name: hostile, How: hostile, From: hostile}, breach)
	for _, bad := range []string{"<", "\u202e", "\u200b", "://evil", "@here", "www.evil", "](http", "\n# h1"} {
		if strings.Contains(m.Title+"\n"+m.Text, bad) {
			t.Errorf("%q is in:\n%s\n%s", bad, m.Title, m.Text)
		}
	}
}
