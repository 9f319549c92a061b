package engine

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/verify"
)

var update = flag.Bool("update", false, "write the golden files anew")

const runbookText = `
schema: 1
service: ranker
owner: {team: ranking, contact: "#ranking-oncall"}
metrics:
  selector: job="ranker"
  interval: 1s
  warmup: 5s
  version_label: version
  pod_label: instance
  requests: {counter: model_requests_total, errors: code=~"5.."}
  latency: {histogram: model_request_duration_seconds, kind: classic, buckets: [.02, .05, .1, .2, .5, 1]}
triggers:
  - {name: errors, type: error_rate, severity: severe, above: 5%%, for: 10s}
  - {name: slow, type: latency_quantile, severity: severe, quantile: 0.95, increase: 100%%, for: 10s}
  - {name: slowish, type: latency_quantile, severity: mild, quantile: 0.95, increase: 30%%, for: 10s}
  - {name: slo, type: absolute_slo, severity: page, above: 10%%, for: 10s}
routing: {router: json, key: routes/ranker/weights, flags: features/ranker/}
last_known_good: {min_pods: 2}
policy: {mode: active, approvers: [ann, bob], approval_ttl: 30m, on_expiry: %s, cooldown: 60m, max_rollbacks: 2, min_candidate_pods: 2}
verification:
  within: 10m
  every: 5s
  polls: 3
  window: 10s
  min_requests: 100
  system:
    error_rate: {below: 2%%, tolerance: 1%%}
    latency: {quantile: 0.95, below: 500ms, tolerance: 30%%}
communication: {channel: "#ranking-oncall"}
evidence: {keep: 90d, archive: "s3://incidents/ranker"}
follow_up: {due: 48h}
`

const launchText = `
schema: 1
service: ranker
weight: 20
stable:
  version: v1
  backend: ranker-v1
  bundle:
    model: {image: "registry.example.com/ranker@sha256:1111111111111111111111111111111111111111111111111111111111111111", registry: {kind: mlflow, name: ranker, version: "11"}}
    features: {encoder: v4, pipeline: "git:1111111111111111111111111111111111111111"}
    flags: {encoder: v4}
    compatible: {encoders: [v4]}
candidate:
  version: v2
  backend: ranker-v2
  bundle:
    model: {image: "registry.example.com/ranker@sha256:2222222222222222222222222222222222222222222222222222222222222222", registry: {kind: mlflow, name: ranker, version: "12"}}
    features: {encoder: v5, pipeline: "git:2222222222222222222222222222222222222222"}
    flags: {encoder: v5}
    compatible: {encoders: [v5]}
`

// morning is when the tests of pure code begin.
var morning = time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)

// theTarget is the one that the tests' runbook has.
var theTarget = Target{"ranker", runbook.DefaultRegion}

func runbookOf(tb testing.TB, onExpiry string) *runbook.Runbook {
	tb.Helper()
	text := fmt.Sprintf(runbookText, onExpiry)
	rb, err := runbook.Parse("ranker.yaml", []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return rb
}

func launchOf(tb testing.TB) runbook.Launch {
	tb.Helper()
	l, err := runbook.ParseLaunch("release.yaml", []byte(launchText))
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func breachOf(trigger string, state record.State) record.Breach {
	b := record.Breach{Trigger: trigger, Severity: runbook.Severe, State: state, Value: 0.3, CandidatePods: 3, StablePods: 3, StableRate: 80, CandidateRate: 20}
	switch trigger {
	case "slowish":
		b.Severity = runbook.Mild
	case "slo":
		b.Severity = runbook.Page
	}
	if state == record.Unreachable || state == record.NoData {
		b.Problem = "connection refused"
	}
	return b
}

func alertOf(trigger string, source record.Source) record.Alert {
	return record.Alert{Service: "ranker", Trigger: trigger, Firing: true, Source: source, StartsAt: morning}
}

// A play is one target on paper: what Step makes of one event after another, with a
// router that does what it is told.
type play struct {
	tb  testing.TB
	s   State
	now time.Time
	ops int
}

func playOf(tb testing.TB, onExpiry string) *play {
	p := &play{tb: tb, now: morning}
	p.s = State{
		Runbook: runbookOf(tb, onExpiry), Region: runbook.DefaultRegion, Control: record.Control{Mode: runbook.Active},
		Quarantined: map[string]record.Quarantine{}, Outbox: map[string]bool{}, Split: record.Split{"ranker-v1": 100},
	}
	return p
}

// plan is the change as the router's codec would plan it, its digest a mark.
func (p *play) plan(to record.Split, mark string) {
	p.s.Plan = record.Change{From: p.s.Split.Clone(), To: to, Digest: "sha256:" + mark,
		Keys: []record.KeyChange{{Key: "routes/ranker/weights", Index: 7, From: "{}", To: "{}"}}}
}

// step takes an event and, if it is not refused, makes its outcome the state.
func (p *play) step(ev Event) (State, error) {
	p.tb.Helper()
	p.ops++
	p.s.Op = fmt.Sprintf("op-%03d", p.ops)
	if l, ok := ev.(Launched); ok {
		p.plan(record.Split{"ranker-v1": 100 - l.Launch.Weight, "ranker-v2": l.Launch.Weight}, "launch")
	}
	before := p.s
	next, err := Step(p.s, ev, p.now)
	if err != nil {
		return next, err
	}
	switch {
	case next.Write.Shift:
		next.Split = next.Plan.To.Clone()
	case next.Write.Advance:
		next.Split = next.Next.To.Clone()
	}
	if next.Release == nil || next.Release.Asking == "" {
		next.Question = nil
	}
	next.Quarantined, next.Outbox = maps.Clone(next.Quarantined), maps.Clone(next.Outbox)
	for _, q := range next.Write.Quarantine {
		next.Quarantined[q.Bundle] = q
	}
	for _, m := range next.Write.Messages {
		next.Outbox[m.ID] = true
	}
	for _, id := range next.Write.Sent {
		delete(next.Outbox, id)
	}
	p.s = next
	p.plan(record.Split{"ranker-v1": 100, "ranker-v2": 0}, fmt.Sprintf("back from %v", p.s.Split))
	p.s.Next = record.Change{}
	if p.s.ramping() {
		if next, more := p.s.Runbook.Rollout.Next(p.s.Release.Weight); more {
			p.s.Next = record.Change{From: p.s.Split.Clone(), To: record.Split{"ranker-v1": 100 - next.Weight, "ranker-v2": next.Weight},
				Digest: fmt.Sprintf("sha256:on from %v", p.s.Split), Keys: []record.KeyChange{{Key: "routes/ranker/weights", Index: 7, From: "{}", To: "{}"}}}
		}
	}
	checkEdge(p.tb, before, next)
	return next, nil
}

// must is step for an event that may not be refused.
func (p *play) must(ev Event) State {
	p.tb.Helper()
	s, err := p.step(ev)
	if err != nil {
		p.tb.Fatalf("%T: %v", ev, err)
	}
	return s
}

func (p *play) after(d time.Duration) *play { p.now = p.now.Add(d); return p }

func (p *play) launch() { p.must(Launched{launchOf(p.tb), "ann"}) }

func (p *play) asked(b record.Breach) AlertChecked {
	return AlertChecked{Alert: alertOf(b.Trigger, record.Webhook), Breach: b, Release: p.s.Release.ID, Epoch: p.s.Release.Epoch}
}

func (p *play) breach(trigger string) State {
	p.tb.Helper()
	return p.must(p.asked(breachOf(trigger, record.Breaching)))
}

func (p *play) answer(yes bool, by string) Answered {
	id := "none"
	if p.s.Approval != nil {
		id = p.s.Approval.ID
	}
	return Answered{Approval: id, By: by, How: "api", Reason: "because", Yes: yes}
}

func drainedAs(h record.Health) Drained {
	return Drained{record.Answer{Question: "candidate traffic", Health: h, Text: "v2: " + string(h)}}
}

func polledAs(h record.Health) RecoveryPolled {
	return RecoveryPolled{Answers: []record.Answer{
		{Question: "error rate", Health: h, Text: "error rate: " + string(h)},
		{Question: verify.DrainQuestion, Health: record.Good, Text: "v2 gets 0 req/s"},
	}}
}

func kinds(s State) []string {
	var k []string
	for _, m := range s.Write.Messages {
		kind := m.Kind
		if m.Page {
			kind += "!"
		}
		k = append(k, kind)
	}
	return k
}

func golden(tb testing.TB, name, got string) {
	tb.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			tb.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	if string(want) != got {
		tb.Errorf("%s is not what it was (-update writes it anew):\n%s", name, got)
	}
}

// noted reports whether the timeline has a line of that kind.
func (s State) noted(kind string) bool {
	return s.Incident != nil && slices.ContainsFunc(s.Incident.Timeline, func(r record.Record) bool { return r.Kind == kind })
}
