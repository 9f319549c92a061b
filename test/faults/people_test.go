package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/view"
)

// human writes stand in the history under this name.
const human = "human"

// ann gives all orders.
var ann = record.Caller{Name: "ann", How: "basic_auth"}

// act is what somebody does; whom they reach and what they choose hangs on the plan's line.
func (r *run) act(f fault) {
	d := diceOf(r.plan.Seed, fmt.Sprint("act ", f.ID))
	service := services[f.Service]
	switch rel := r.release(service); f.Kind {
	case writes:
		v2 := []int{40, 0, 100, 7}[d.n(4)]
		r.write(service, fmt.Sprintf(`{"weights":{"%[1]s-v1":%[2]d,"%[1]s-v2":%[3]d}}`, service, 100-v2, v2))
	case putsBack:
		if rel != nil {
			r.putBack(*rel)
		}
	case pauses, activate:
		text := map[kind][]string{pauses: {"paused", `{"mode":"paused","by":"ann"}`, "pasued", "observe"}, activate: {"active"}}[f.Kind]
		value := text[d.n(len(text))]
		r.note("somebody writes control: %s", value)
		r.kv.Put(human, store.ControlKey, []byte(value))
	case bars:
		r.bar(service)
	default:
		r.order(f, service, &d)
	}
}

// beforehand is somebody who is a moment faster than a transaction on the router's key, once.
func (r *run) beforehand(body []byte) {
	for _, service := range services {
		if !bytes.Contains(body, []byte(`"`+routeKey(service)+`"`)) {
			continue
		}
		f, is := r.plan.now(r.at(), -1, firstKinds...)
		if _, done := r.raced.LoadOrStore(f.ID, true); !is || done {
			return
		}
		switch f.Kind {
		case pausesFirst:
			r.note("somebody pauses, a moment before")
			r.kv.Put(human, store.ControlKey, []byte("paused"))
		case writesFirst:
			r.write(service, fmt.Sprintf(`{"weights":{"%[1]s-v1":61,"%[1]s-v2":39}}`, service))
		case barsFirst:
			r.bar(service)
		}
	}
}

// bar quarantines what a rollback would lead to.
func (r *run) bar(service string) {
	if rel := r.release(service); rel != nil {
		q := record.Quarantine{Schema: runbook.Schema, Bundle: rel.Stable.Bundle, Service: service, Reason: "because", At: time.Now().UTC()}
		text, err := json.Marshal(q)
		r.must(err)
		r.note("somebody quarantines v1 of %s", service)
		r.kv.Put(human, store.QuarantineKey(q.Bundle), text)
	}
}

func (r *run) write(service, value string) {
	r.note("somebody writes the split of %s: %s", service, value)
	r.kv.Put(human, routeKey(service), []byte(value))
}

// putBack writes what the release wants.
func (r *run) putBack(rel record.Release) {
	text, err := json.Marshal(map[string]any{"weights": rel.Want()})
	r.must(err)
	r.write(rel.Service, string(text))
}

// order asks a replica for something; one that is dead is not asked.
func (r *run) order(f fault, service string, d *dice) {
	at := d.n(replicas)
	for n := range replicas {
		if l := r.procs[(at+n)%replicas].current(); l != nil {
			err := l.call(func(ctx context.Context) error { return r.ask(ctx, l, f, service, d) })
			r.note("somebody at %s %s by %s: %v", service, f.Kind, l.name, err)
			return
		}
	}
}

func (r *run) ask(ctx context.Context, l *life, f fault, service string, d *dice) (err error) {
	const why = "because"
	by := ann
	e := l.e
	switch f.Kind {
	case start:
		_, err = e.Start(ctx, r.launch(service, f.ID, d), by)
	case byHand:
		_, err = e.Rollback(ctx, service, "", by, why)
	case accept:
		_, err = e.AcceptSplit(ctx, service, "", by, why)
	case stop:
		_, err = e.Stop(ctx, service, "", by, why)
	case resume:
		_, err = e.Resume(ctx, service, "", by, why)
	case promote:
		_, err = e.Promote(ctx, service, "", by)
	case recovers:
		var shown view.Recovery
		if shown, err = e.Recovery(ctx, service, ""); err == nil {
			_, err = e.Recover(ctx, service, "", by, why, shown.Plan)
		}
	case approve, reject:
		err = r.answerAll(ctx, l, service, f.Kind == approve)
	case lift:
		for key := range r.kv.Under(store.QuarantineKey("")) {
			err = e.Lift(ctx, strings.TrimPrefix(key, store.QuarantineKey("")), by, why)
		}
	}
	return err
}

// answerAll gives a yes or a no to what waits for one.
func (r *run) answerAll(ctx context.Context, l *life, service string, yes bool) (err error) {
	for _, a := range under[record.Approval](r, store.ApprovalKey("")) {
		if a.Service == service && a.Status == record.Pending {
			_, err = l.e.Answer(ctx, a.ID, ann, record.Reply{Yes: yes, Anyway: true, Reason: "because"})
		}
	}
	return err
}

// launch is a release of a candidate that nobody has seen before.
func (r *run) launch(service string, id int, d *dice) runbook.Launch {
	l := r.launches[service]
	l.Weight = runbook.Weight([]int{20, 5, 50}[d.n(3)])
	l.Candidate.Bundle.Model.Registry.Version = fmt.Sprint(100 + id)
	l.StableNotProved = "because"
	return l
}
