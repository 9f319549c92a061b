package question

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

var now = time.Date(2030, 5, 6, 2, 16, 3, 0, time.UTC)

func asked(kind string, change func(*Question)) Question {
	q := Question{
		Approval: record.Approval{ID: "ap-1", Kind: kind, Service: "ranker", Region: "default", Release: "rel-1", Change: "sha256:plan", ExpiresAt: now.Add(15 * time.Minute)},
		Incident: record.Incident{Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}, Breach: record.Breach{Trigger: "latency", AskedAt: now.Add(-3 * time.Minute), Value: 1.58}},
		Runbook:  &runbook.Runbook{Triggers: []runbook.Trigger{{Name: "latency", Type: runbook.LatencyQuantile, Quantile: 0.95, Increase: 0.3, For: runbook.Duration(5 * time.Minute)}}},
		At:       now,
	}
	if change != nil {
		change(&q)
	}
	return q
}

func TestHeadings(t *testing.T) {
	step := func(from, to runbook.Weight) func(*Question) {
		return func(q *Question) {
			q.Live.Plan.From, q.Live.Plan.To = record.Split{"v1": 100 - from, "v2": from}, record.Split{"v1": 100 - to, "v2": to}
		}
	}
	for _, c := range []struct {
		kind         string
		change       func(*Question)
		heading, yes string
		no, silence  string
	}{
		{record.RollbackApproval, nil, "Roll v2 back to v1?", "Roll back", "Keep v2", "nothing moves, and people are paged again"},
		{record.Promotion, step(5, 25), "Take v2 from 5 % to 25 %?", "Give it 25 %", "Stay at 5 %", "the ramp waits at 5 %"},
		{record.Promotion, step(50, 100), "Give v2 all traffic, from 50 %?", "Give it all", "Stay at 50 %", "the ramp waits at 50 %"},
		{record.Promotion, step(0, 100), "Flip all traffic from v1 to v2?", "Flip", "Stay at 0 %", "the ramp waits at 0 %"},
		{record.Promotion, step(0, 5), "Start v2 with 5 % of the traffic?", "Give it 5 %", "Stay at 0 %", "the ramp waits at 0 %"},
		{record.AcceptSplit, func(q *Question) { q.Live.Release.Held = &record.HumanHold{Found: record.Split{"v1": 80, "v2": 20}} },
			"Let v2 continue at 20 %?", "Let it continue", "Keep holding", "the release stays held, and nothing is moved"},
	} {
		q := asked(c.kind, c.change)
		if q.Heading() != c.heading || q.Yes() != c.yes || q.No() != c.no || q.Silence() != c.silence {
			t.Errorf("%s: %q, %q, %q, %q; want %v", c.kind, q.Heading(), q.Yes(), q.No(), q.Silence(), c)
		}
	}
}

// What is said of now is never younger than the oldest thing that it rests on, and where nothing can
// be said of now the page says that.
func TestEffect(t *testing.T) {
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const was, limit = "P95 latency 58 % above v1", "30 %"
	for _, c := range []struct {
		name  string
		now   record.Breach
		still bool
		what  string
		says  string
		age   int // -1: none
	}{
		{"still so", record.Breach{State: record.Breaching, Value: 1.61, AskedAt: ago(time.Second), Significance: record.Significance{At: ago(4 * time.Second)}}, true, "P95 latency 61 % above v1", "", 4},
		{"without significance", record.Breach{State: record.Breaching, Value: 1.61, AskedAt: ago(time.Second)}, true, "P95 latency 61 % above v1", "", 1},
		{"not any more", record.Breach{State: record.NotBreaching, AskedAt: ago(2 * time.Second)}, false, was, "Not breaching any more", 2},
		{"no data", record.Breach{State: record.NoData, AskedAt: ago(2 * time.Second)}, false, was, "No data: whether it is still so cannot be told", 2},
		{"away", record.Breach{State: record.Unreachable, AskedAt: ago(2 * time.Second)}, false, was, "Prometheus does not answer: whether it is still so cannot be told", 2},
		{"rebuilding", record.Breach{State: record.Unreachable, AskedAt: ago(2 * time.Second), Problem: "it is being rebuilt", Significance: record.Significance{At: ago(time.Hour), Problem: "it is being rebuilt"}},
			false, was, "Whether it is still more than chance cannot be told yet", 2},
		{"the trigger is gone", record.Breach{}, false, was, "Whether it is still so cannot be told", -1},
	} {
		e := asked(record.RollbackApproval, func(q *Question) { q.Live.Breach = c.now }).Effect()
		if e.Still != c.still || e.What != c.what || e.Limit != limit || e.Now != c.says || (e.Since == "3 m") == c.still {
			t.Errorf("%s: %+v", c.name, e)
		}
		if c.age < 0 && e.Age != nil || c.age >= 0 && (e.Age == nil || e.Age.Seconds != c.age) {
			t.Errorf("%s: is of %+v, want %d s ago", c.name, e.Age, c.age)
		}
	}
	none := asked(record.RollbackApproval, func(q *Question) { q.Incident.Breach, q.Live.Breach.State = record.Breach{}, record.NoTrigger })
	if e := none.Effect(); e.What != "" || e.Now != "The checks after the last step failed" {
		t.Errorf("without a trigger: %+v", e)
	}
}

func TestATriggerInWords(t *testing.T) {
	for want, now := range map[string]view.TriggerNow{
		"not breaching: P95 latency 2 % above stable (limit 30 %)": {State: record.NotBreaching, Effect: "P95 latency 2 % above stable", Limit: "30 %"},
		"no data (limit 30 %); no series":                          {State: record.NoData, Limit: "30 %", Problem: "no series"},
		"not asked":                                                {},
	} {
		if got := Trigger(now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPeople(t *testing.T) {
	named := func(names ...string) func(*Question) {
		return func(q *Question) { q.Runbook.Policy.Approvers, q.MaySign = names, true }
	}
	for want, change := range map[string]func(*Question){
		"Anybody with this link may answer": nil,
		"ann may answer":                    named("ann"),
		"ann or bob or cy may answer":       named("ann", "bob", "cy"),
		"ann, bob and 2 others may answer":  named("ann", "bob", "cy", "dan"),
		"The runbook names no approver: only people with the role approve may answer": named(),
	} {
		if got := asked(record.RollbackApproval, change).WhoMay(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	q := asked(record.RollbackApproval, nil)
	if q.Left().Text != "15 m" || q.Until() != "02:31:03 UTC" {
		t.Errorf("%s left, until %s", q.Left().Text, q.Until())
	}
	if q.Approval.ExpiresAt = now.Add(23 * time.Hour); q.Left().Text != "23 h" || q.Until() != "2030-05-07 01:16:03 UTC" {
		t.Errorf("%s left, until %s", q.Left().Text, q.Until())
	}
	if q.Approval.ExpiresAt = now.Add(-time.Hour); q.Left().Text != "0 s" {
		t.Errorf("%s left of a question that is over", q.Left().Text)
	}
}

// An answer that takes two people says so, and who was the first.
func TestSecond(t *testing.T) {
	rule := func(q *Question) {
		q.Runbook.Policy.TwoPeople = []runbook.TwoPeople{runbook.RejectTwice, runbook.AcceptSplit}
		q.Incident.RejectedAt = now.Add(-time.Hour)
	}
	first := func(action record.OrderAction) func(*Question) {
		return func(q *Question) {
			rule(q)
			q.Live.Waiting = []record.WaitingOrder{{Order: record.Order{Action: action, Reason: "known", At: now, Waits: now.Add(time.Hour), Caller: record.Caller{Name: "ann"}}}}
		}
	}
	for _, c := range []struct {
		name, kind string
		change     func(*Question)
		want       string
	}{
		{"no rule", record.RollbackApproval, nil, ""},
		{"a second no", record.RollbackApproval, rule, "A no takes two people: the first one's waits for a second, 1 h at most."},
		{"the first no", record.RollbackApproval, func(q *Question) { rule(q); q.Incident.RejectedAt = time.Time{} }, ""},
		{"a no was given", record.RollbackApproval, first(record.OrderReject), "A no takes two people: ann gave it at 02:16:03 UTC (known), and it waits for somebody else until 03:16:03 UTC."},
		{"another order was given", record.RollbackApproval, first(record.OrderAcceptSplit), "A no takes two people: the first one's waits for a second, 1 h at most."},
		{"a split", record.AcceptSplit, rule, "A yes takes two people: the first one's waits for a second, 1 h at most."},
		{"a step", record.Promotion, rule, ""},
	} {
		if got := asked(c.kind, c.change).Second(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// A question that is over says who answered and when, what came of it, and what can still be done.
func TestEnded(t *testing.T) {
	inc := func(phase record.Phase, change func(*record.Incident)) *record.Incident {
		i := &record.Incident{Phase: phase, Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}}
		if change != nil {
			change(i)
		}
		return i
	}
	acted := func(i *record.Incident) {
		i.ActedAt, i.Deadline = now.Add(-time.Minute), now.Add(9*time.Minute)
		i.Change = &record.Change{From: record.Split{"v1": 95, "v2": 5}, To: record.Split{"v1": 100}}
	}
	open := record.Release{ID: "rel-1", Phase: record.Open, Weight: 5, Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}}
	back := open
	back.Phase = record.RolledBack
	const byHand, promote = `autorollback rollback ranker --reason "WHY"`, "autorollback release promote ranker"
	for _, c := range []struct {
		name, kind string
		status     record.ApprovalStatus
		incident   *record.Incident
		release    record.Release
		heading    string
		said, next string
		moved      string
		byHand     string
	}{
		{"yes", record.RollbackApproval, record.Approved, inc(record.Acted, acted), back, "v2 was rolled back to v1", "Approved by ann (signed in with a password) at 02:14:03 UTC, 2 m ago.",
			"the verdict comes by 02:25:03 UTC", "v2 5 % → 0 %, v1 95 % → 100 %", ""},
		{"yes, and it recovered", record.RollbackApproval, record.Approved, inc(record.Done, func(i *record.Incident) { acted(i); i.Verdict = &record.Verdict{Outcome: record.Recovered} }), back,
			"v2 was rolled back to v1", "Approved by ann", "The verdict: closed; recovered.", "v2 5 % → 0 %, v1 95 % → 100 %", ""},
		{"no", record.RollbackApproval, record.Rejected, inc(record.Done, nil), open, "v2 keeps its traffic", "Rejected by ann", "Only another trigger's severe breach is acted on", "", byHand},
		{"no, and rolled back since", record.RollbackApproval, record.Rejected, inc(record.Done, nil), back, "v2 keeps its traffic", "Rejected by ann", "", "", ""},
		{"nobody", record.RollbackApproval, record.Expired, inc(record.HeldPhase, nil), open, "This question has expired", "Nobody answered in time: it was open until 02:31:03 UTC.",
			"The incident is open: held", "", byHand},
		{"nobody, and it was rolled back", record.RollbackApproval, record.Expired, inc(record.Verifying, acted), back, "This question has expired", "Nobody answered in time", "Traffic was moved at 02:15:03 UTC",
			"v2 5 % → 0 %, v1 95 % → 100 %", ""},
		{"a severe breach was faster", record.RollbackApproval, record.Superseded, inc(record.Acted, acted), back, "This question was overtaken", "Nobody answered it: it was overtaken at 02:14:03 UTC.",
			"Traffic was moved at 02:15:03 UTC", "v2 5 % → 0 %, v1 95 % → 100 %", ""},
		{"asked again", record.RollbackApproval, record.Superseded, inc(record.Awaiting, func(i *record.Incident) { i.Approval = "ap-2" }), open, "This question was overtaken", "Nobody answered it",
			"A newer question waits for an answer", "", byHand},
		{"another release since", record.RollbackApproval, record.Expired, inc(record.Done, nil), record.Release{ID: "rel-2", Phase: record.Open}, "This question has expired", "Nobody", "The incident is closed.", "", ""},
		{"a link alone", record.RollbackApproval, "", nil, open, "This link has expired", "Its time to answer is over.", "", "", byHand},
		{"a step", record.Promotion, record.Approved, nil, open, "v2 took the next step", "Approved by ann", "v2 has 5 %.", "", ""},
		{"no step", record.Promotion, record.Rejected, nil, func() record.Release { r := open; r.Stopped = &record.HumanStop{}; return r }(), "v2 did not take the next step", "Rejected by ann",
			"v2 stays at 5 % until somebody resumes the ramp.", "", `autorollback release resume ranker --reason "WHY"`},
		{"nobody for a step", record.Promotion, record.Expired, nil, open, "This question has expired", "Nobody answered in time", "v2 has 5 %.", "", promote},
		{"a split", record.AcceptSplit, record.Approved, inc(record.Done, nil), open, "v2 continues", "Approved by ann", "its triggers watch it again", "", ""},
		{"no split", record.AcceptSplit, record.Rejected, inc(record.HeldPhase, nil), open, "v2 stays held", "Rejected by ann", "Nothing is moved automatically until", "",
			`autorollback release accept-split ranker --reason "WHY"`},
	} {
		a := asked(c.kind, nil).Approval
		a.Status = c.status
		if c.status != "" {
			a.DecidedAt = now.Add(-2 * time.Minute)
		}
		if c.status == record.Approved || c.status == record.Rejected {
			a.By, a.How = "ann", record.BasicAuth
		}
		e := Ended{Approval: a, Incident: c.incident, Release: c.release, At: now}
		if e.Heading() != c.heading || e.ByHand() != c.byHand || e.Moved() != c.moved {
			t.Errorf("%s: %q, by hand %q, moved %q", c.name, e.Heading(), e.ByHand(), e.Moved())
		}
		if !strings.HasPrefix(e.Said(), c.said) || !strings.Contains(e.Next(), c.next) || c.next == "" && c.name == "a link alone" && e.Next() != "" {
			t.Errorf("%s: said %q, next %q", c.name, e.Said(), e.Next())
		}
	}
}

// The picture is of what the question is about, and small; what nobody measured is not drawn, and neither is
// another trigger's level.
func TestChart(t *testing.T) {
	level := func(name string, samples int) record.Curve {
		c := record.Curve{Kind: record.OfTrigger, Name: name, Text: name + " in words", Drawn: "level of " + name, Unit: "s", Every: runbook.Duration(15 * time.Second)}
		for n := range samples {
			s := record.Unsampled(now.Add(time.Duration(n-samples) * 15 * time.Second))
			s.Candidate, s.Limit, s.Significance = record.NumberOf(1), record.NumberOf(2), record.NumberOf(0.5)
			c.Samples = append(c.Samples, s)
		}
		return c
	}
	for _, c := range []struct {
		name, kind string
		curves     []record.Curve
		draws      string
	}{
		{"its trigger", record.RollbackApproval, []record.Curve{level("errors", 20), level("latency", 20)}, "Level of latency"},
		{"nothing measured", record.RollbackApproval, []record.Curve{level("errors", 20), level("latency", 0)}, ""},
		{"not its trigger", record.RollbackApproval, []record.Curve{level("errors", 20)}, ""},
		{"no curves", record.RollbackApproval, nil, ""},
		{"a step", record.Promotion, []record.Curve{level("errors", 0), level("latency", 20)}, "Level of latency"},
	} {
		q := asked(c.kind, func(q *Question) { q.Live.Curves = c.curves })
		got := string(q.Chart())
		if strings.Contains(got, ">"+c.draws+"<") != (c.draws != "") || (got == "") != (c.draws == "") {
			t.Errorf("%s: want %q drawn: %s", c.name, c.draws, got)
		}
		if strings.Contains(got, "<desc>:") || strings.Contains(got, "Significance") || strings.Contains(got, "in words") || strings.Contains(got, "errors") {
			t.Errorf("%s: draws more than the level: %s", c.name, got)
		}
	}
}

// What it did so far is said as far as it is beyond chance, and where that cannot be told the page says so.
func TestHarm(t *testing.T) {
	lost := record.Loss{Kind: record.Failures, All: 4700, Excess: 400, Low: 320, High: 480, Rate: 7.5}
	chance := lost
	chance.Low = -10
	for _, c := range []struct {
		impact *record.Impact
		want   string
	}{
		{nil, ""},
		{&record.Impact{Ongoing: true, Losses: []record.Loss{lost}}, "about 400 failed requests, 7.5 more each second"},
		{&record.Impact{Ongoing: true, Losses: []record.Loss{chance}}, ""},
		{&record.Impact{Ongoing: true, Problem: "nothing is counted yet"}, "how many it hit cannot be told: nothing is counted yet"},
	} {
		if got := asked(record.RollbackApproval, func(q *Question) { q.Live.Impact = c.impact }).Harm(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.impact, got, c.want)
		}
	}
}
