package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/engine/known"
	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// A snapshot is a state with the indexes it was read at: what a commit checks.
type snapshot struct {
	lifecycle.State
	target  Target
	indexes map[string]uint64 // of every key that was read and exists
	ops     []store.Op        // what carries out State.Plan
	nextOps []store.Op        // what carries out State.Next
	offOps  []store.Op        // what switches State.FlagsOn off
	service service
	snap    store.Snapshot // that the router's keys were read in
}

// read reads the records of a target and the router's keys in one snapshot. Records
// that hang below the release (incident, approval, bundles) come from later reads; the
// release's index, and their own, bind them together when something is committed.
func (e *Engine) read(ctx context.Context, target Target, ev lifecycle.Event) (snapshot, error) {
	return e.readTree(ctx, target, ev, takesStep(ev))
}

// readTree is read; whole also of what other services have in the router's tree.
func (e *Engine) readTree(ctx context.Context, target Target, ev lifecycle.Event, whole bool) (snapshot, error) {
	v := snapshot{target: target, indexes: map[string]uint64{}}
	svc, err := e.serves(target)
	if err != nil {
		return v, err
	}
	v.Runbook, v.Region, v.service = svc.rb, target.Region, svc
	v.Known, v.Replica = e.memory.Of(known.Target(target)), e.opts.Replica // before the read, which then must not be older
	prefixes := []string{store.ControlKey, store.BudgetKey, store.ReleaseKey(target.Service, target.Region), store.QuarantineKey(""), e.watchdogKey(),
		store.InstallationKey, store.BehindKey(target.Service, target.Region)}
	look := e.look(target, svc)
	if whole {
		look = nil
	}
	prefixes = append(prefixes, look.keys(svc)...)
	snap, err := e.store.Read(ctx, append(prefixes, concerns(ev)...)...)
	if err != nil {
		return v, fmt.Errorf("read state of %s: %w", target, err)
	}
	v.snap = snap
	v.Stores = e.stores()
	v.Elsewhere = policy.Elsewhere(v.Stores, target.Region, time.Now())
	var word watchdogRecord
	if err := decode(snap, e.watchdogKey(), &word); err == nil {
		v.Watchdog = word.At
	}
	if err := v.takeRelease(e, snap); err != nil {
		return v, err
	}
	if !look.covers(v.backends(ev)) {
		return e.readTree(ctx, target, ev, true) // another replica began a release
	}
	e.seen(v.Installation)
	e.learn(target, v.Release, v.ReleaseIndex, v.Quarantined)
	if v.Release != nil {
		v.Runbook = v.Release.Follows(svc.rb)
	}
	v.takeShadow(snap, ev)
	if err := e.readIncident(ctx, &v); err != nil {
		return v, err
	}
	if v.Question, err = e.readApproval(ctx, &v, asking(v.Release)); err != nil {
		return v, err
	}
	v.observeHazards(e, look, v.backends(ev))
	v.observe()
	v.observeFlags()
	return v, nil
}

// concerns are the further keys an event is about.
func concerns(ev lifecycle.Event) []string {
	switch ev := ev.(type) {
	case lifecycle.Launched:
		candidate := ev.Launch.Candidate.Bundle.Digest()
		return []string{store.BundleKey(ev.Launch.Stable.Bundle.Digest()), store.BundleKey(candidate), store.ShadowKey(candidate)}
	case lifecycle.MessageSent:
		return []string{store.OutboxKey(ev.Message)}
	case lifecycle.Recovered:
		return []string{store.BundleKey("")}
	case lifecycle.Answered, lifecycle.Resumed, lifecycle.SplitAccepted:
		return []string{waiting}
	}
	return nil
}

func (v *snapshot) takeRelease(e *Engine, snap store.Snapshot) error {
	maps.Copy(v.indexes, indexes(snap))
	v.Control = e.inForce(snap)
	if err := decode(snap, store.BudgetKey, &v.Budget); err != nil {
		return err
	}
	var err error
	if v.Release, err = entry[record.Release](snap, store.ReleaseKey(v.target.Service, v.target.Region)); err != nil {
		return err
	}
	v.ReleaseIndex = index(snap, store.ReleaseKey(v.target.Service, v.target.Region))
	if err := v.takeBehind(snap); err != nil {
		return err
	}
	v.Outbox = map[string]bool{}
	for _, en := range snap.Under(store.OutboxKey("")) {
		v.Outbox[strings.TrimPrefix(en.Key, store.OutboxKey(""))] = true
	}
	v.Quarantined = quarantined(snap)
	v.Waiting = waitingOrders(snap)
	return nil
}

// waitingOrders are those that wait for a second person. One that cannot be read waits for nobody,
// and is written over.
func waitingOrders(snap store.Snapshot) map[string]*record.WaitingOrder {
	all := map[string]*record.WaitingOrder{}
	for _, en := range snap.Under(waiting) {
		if w, err := entry[record.WaitingOrder](snap, en.Key); err == nil {
			all[strings.TrimPrefix(en.Key, waiting)] = w
		}
	}
	return all
}

// quarantined are the quarantines by the bundle's digest. Somebody's bad record bars its own
// bundle, and nobody else's rollback.
func quarantined(snap store.Snapshot) map[string]record.Quarantine {
	all := map[string]record.Quarantine{}
	for _, en := range snap.Under(store.QuarantineKey("")) {
		digest := strings.TrimPrefix(en.Key, store.QuarantineKey(""))
		q := record.Quarantine{Bundle: digest}
		if err := decode(snap, en.Key, &q); err != nil {
			q = record.Quarantine{Bundle: digest, Reason: "its record cannot be read: " + err.Error()}
		}
		all[digest] = q
	}
	return all
}

func (e *Engine) readIncident(ctx context.Context, v *snapshot) (err error) {
	if v.Release == nil || v.Release.Incident == "" {
		return nil
	}
	v.Incident, err = fetch[record.Incident](ctx, e.store, store.IncidentKey(v.Release.Incident), v.indexes)
	if err == nil && v.Incident != nil {
		v.Approval, err = e.readApproval(ctx, v, v.Incident.Approval)
	}
	return err
}

// readApproval reads an approval and its index; nil if there is none of that id.
func (e *Engine) readApproval(ctx context.Context, v *snapshot, id string) (*record.Approval, error) {
	if id == "" {
		return nil, nil
	}
	return fetch[record.Approval](ctx, e.store, store.ApprovalKey(id), v.indexes)
}

// asking is the id of the question about the next step.
func asking(r *record.Release) string {
	if r == nil {
		return ""
	}
	return r.Asking
}

// observe reads what the router is told.
func (v *snapshot) observe() {
	split, err := v.service.router.Decode(v.snap)
	switch {
	case err == nil:
		v.Split = split
	case !errors.Is(err, actuators.ErrNoSplit):
		v.PlanProblem = err.Error()
	}
}

// plan works out the changes that the event may ask for: the first weights of a launch,
// all traffic to stable, the next step of the ramp. It is a pure function of the snapshot
// and immutable bundles, and left out where nothing can be changed.
func (e *Engine) plan(ctx context.Context, v *snapshot, ev lifecycle.Event) (err error) {
	if v.Unreadable() || !v.mayChange(ev) {
		return nil
	}
	if _, ok := ev.(lifecycle.Recovered); ok {
		return e.planRecovery(ctx, v)
	}
	if l, ok := ev.(lifecycle.Launched); ok {
		stable, candidate, w := record.SideOf(l.Launch.Stable), record.SideOf(l.Launch.Candidate), l.Launch.Weight
		docs := []actuators.FlagDoc{flagDoc(stable, l.Launch.Stable.Bundle, true), flagDoc(candidate, l.Launch.Candidate.Bundle, w > 0)}
		v.Plan, v.ops, err = v.service.router.Plan(v.snap, record.Split{stable.Backend: w.Rest(), candidate.Backend: w}, docs)
		v.PlanProblem = text(err)
		v.ops, v.Later = v.apart(v.Plan, v.ops)
		return nil
	}
	flags, err := e.planBack(ctx, v, *v.Release)
	if err != nil {
		return err
	}
	if !mayStep(ev) || !v.Ramping() {
		return nil
	}
	next, more := v.Runbook.Rollout.Next(v.Release.Weight)
	if !more {
		return nil
	}
	v.Next, v.nextOps, err = v.service.router.Plan(v.snap, record.Split{v.Release.Stable.Backend: next.Weight.Rest(), v.Release.Candidate.Backend: next.Weight}, flags.serving())
	v.NextProblem = text(err)
	v.nextOps, v.NextLater = v.apart(v.Next, v.nextOps)
	return nil
}

// planBack plans all traffic of a release to its stable side.
func (e *Engine) planBack(ctx context.Context, v *snapshot, r record.Release) (flagDocs, error) {
	flags, err := e.flags(ctx, r)
	if err != nil {
		return flags, err
	}
	v.Off = flags.off.Flags
	v.Plan, v.ops, err = v.service.router.Plan(v.snap, record.Split{r.Stable.Backend: 100, r.Candidate.Backend: 0}, flags.rolledBack())
	v.PlanProblem = text(err)
	v.ops, v.Later = v.apart(v.Plan, v.ops)
	if v.Runbook.Routing.FlagsWait() {
		v.flagsLater(r.Candidate.Version)
	}
	return flags, nil
}

// mayChange reports whether an event may change the router's keys, or put a question
// about that, or says why it cannot be done.
func (v *snapshot) mayChange(ev lifecycle.Event) bool {
	switch ev := ev.(type) {
	case lifecycle.Launched, lifecycle.Recovered:
		return true
	case lifecycle.MessageSent, lifecycle.StandbyProbed, lifecycle.Drained, lifecycle.RecoveryPolled, lifecycle.KPIPolled,
		lifecycle.Sealed, lifecycle.Observed:
		return false
	case lifecycle.Tick:
		pending := v.Approval != nil && v.Approval.Status == record.Pending
		return v.Open() && (v.Ramping() || pending || v.ExternalChange())
	case lifecycle.AlertChecked:
		return v.Open() && (ev.Breach.State == record.Breaching || v.ExternalChange())
	}
	return v.Open()
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Bundle returns the manifest of that digest. Bundles are immutable, so each is read
// once.
func (e *Engine) Bundle(ctx context.Context, digest string) (runbook.Bundle, error) {
	if b, ok := e.bundles.Load(digest); ok {
		return b.(runbook.Bundle), nil
	}
	b, err := one[runbook.Bundle](ctx, e.store, store.BundleKey(digest), "bundle "+digest)
	if err != nil {
		return b, err
	}
	if got := b.Digest(); got != digest {
		return b, fmt.Errorf("read bundle %s: the manifest's digest is %s: it was edited", digest, got)
	}
	e.bundles.Store(digest, b)
	e.learnBundle(b)
	return b, nil
}

// inForce is the stop switch as it was read, unless more is known to be stopped.
func (e *Engine) inForce(snap store.Snapshot) record.Control {
	en, _ := snap.Get(store.ControlKey)
	return e.memory.InForce(control(en.Value), en.Index)
}

// control reads the stop switch. A value that nobody can read is a mode of its own,
// which the policy takes for a stop, and pages.
func control(value []byte) record.Control {
	c, err := record.ParseControl(value)
	if err != nil {
		return record.Control{Mode: runbook.Mode(record.Truncate(string(value), 60))}
	}
	return c
}

// decode reads the entry of that key, if there is one. A newer schema was written
// by a newer program: it is not touched.
func decode(snap store.Snapshot, key string, into any) error {
	en, ok := snap.Get(key)
	if !ok {
		return nil
	}
	var head struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(en.Value, &head); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	if head.Schema > runbook.Schema {
		return fmt.Errorf("read %s: schema %d is newer than this program's %d: upgrade autorollback", key, head.Schema, runbook.Schema)
	}
	if err := json.Unmarshal(en.Value, into); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return nil
}

// entry is the record of that key; nil if there is none.
func entry[T any](snap store.Snapshot, key string) (*T, error) {
	if !has(snap, key) {
		return nil, nil
	}
	v := new(T)
	return v, decode(snap, key, v)
}

// fetch reads one record and notes its index; nil if there is none.
func fetch[T any](ctx context.Context, st store.Store, key string, indexes map[string]uint64) (*T, error) {
	snap, err := st.Read(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if has(snap, key) {
		indexes[key] = index(snap, key)
	}
	return entry[T](snap, key)
}

func has(snap store.Snapshot, key string) bool { _, ok := snap.Get(key); return ok }

func indexes(snap store.Snapshot) map[string]uint64 {
	all := map[string]uint64{}
	for _, en := range snap.Entries {
		all[en.Key] = en.Index
	}
	return all
}

func index(snap store.Snapshot, key string) uint64 { en, _ := snap.Get(key); return en.Index }

// targetOf reads the target out of a release's key.
func targetOf(key string) (Target, bool) {
	service, region, ok := strings.Cut(strings.TrimPrefix(key, releases), "/")
	return Target{service, region}, ok
}

// waiting is the prefix of all orders that wait for a second person.
var waiting = store.WaitingKey("")

// releases is the prefix of all releases.
const releases = store.Root + "release/"

// mayStep reports whether an event may take the next step of the ramp.
func mayStep(ev lifecycle.Event) bool {
	switch ev.(type) {
	case lifecycle.Tick, lifecycle.Promoted, lifecycle.Answered, lifecycle.Stopped, lifecycle.Resumed:
		return true
	}
	return false
}
