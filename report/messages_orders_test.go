package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// What takes a protection away, or lets something go, is told with who, how, from where and why.
func TestMessagesOfOrders(t *testing.T) {
	ann := record.Caller{Name: "ann", How: record.BasicAuth, From: "192.0.2.7"}
	order := record.Order{ID: "20261120-150000-000-op", Caller: ann, Service: "ranker", Region: "eu", Reason: "it was the network"}
	control := record.Order{ID: "20261120-150000-000-op", Caller: ann, Reason: "moving the cluster"}
	bare := control
	bare.Caller, bare.Reason = record.Caller{Name: "unknown", How: record.InStore}, "the control key was written past the daemon"
	paused := record.Control{Mode: runbook.Paused, Until: breach.AddDate(7973, 0, 0)}
	rel := record.Release{Service: "ranker", Region: "eu", Candidate: record.Side{Version: "v2"}, Weight: 30}
	q := record.Quarantine{Service: "ranker", Version: "v2", Bundle: "sha256:2", Incident: "inc-1", Reason: "latency"}
	var out bytes.Buffer
	for _, m := range []record.Message{
		ControlMsg(control, paused, breach), ControlMsg(bare, paused, breach), LiftedMsg(order, q, nil, breach),
		SplitAcceptedMsg(order, rel, nil, breach), SplitRejectedMsg(order, rel, nil, breach), StepRejectedMsg(order, rel, nil, breach),
	} {
		fmt.Fprintf(&out, "%s page=%t ends=%s\n%s\n%s\n\n", m.ID, m.Page, clock(m.EndsAt), m.Title, m.Text)
	}
	golden(t, "orders.txt", out.Bytes())
	order.Name, order.Reason, order.From = "<b>mallory</b>\n@channel", "\u202eevil\x00", strings.Repeat("x", 5000)
	if m := LiftedMsg(order, q, nil, breach); strings.ContainsAny(m.Text, "\u202e\x00") || strings.Contains(m.Text, "mallory</b>\n") {
		t.Errorf("a stranger's text is told as it came: %q", m.Text)
	}
}
