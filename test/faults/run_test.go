package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/faults/consul"
	"github.com/autorollback/autorollback/test/fixture"
)

// A run is what one plan comes to.
type run struct {
	t *testing.T
	scenery
	plan   plan
	kv     *consul.Server
	world  *world
	procs  []*proc
	counts counts
	began  time.Time
	under  sync.WaitGroup // what was put off
	ended  atomic.Bool

	plainKeys sync.Map // key → see plainKey
	raced     sync.Map // ids of faults that were a moment faster

	mu        sync.Mutex
	trace     []entry
	delivered map[string]int // messages by id
	unheard   map[string]int // of them those whose sender did not learn of it
	journal   []record.Record
	broken    []breakage
}

// scenery is made once for all runs.
type scenery struct {
	runbooks  []*runbook.Runbook
	launches  map[string]runbook.Launch
	questions map[string]fixture.Questions
	edges     map[string][]string
}

// A breakage is an invariant that did not hold.
type breakage struct {
	invariant string
	text      string
}

func newScenery(t *testing.T) scenery {
	s := scenery{launches: map[string]runbook.Launch{}, questions: map[string]fixture.Questions{}, edges: fixture.Edges(t, "../../engine/lifecycle/doc.go")}
	for n, name := range services {
		text := strings.ReplaceAll(runbookText, "ranker", name)
		text = strings.ReplaceAll(text, "EXPIRY", []string{"page", "rollback"}[n%2])
		rb, err := runbook.Parse(name+".yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		l := fixture.Launch(t)
		l.Service = name
		l.Stable.Backend, l.Candidate.Backend = name+"-v1", name+"-v2"
		s.runbooks, s.launches[name], s.questions[name] = append(s.runbooks, rb), l, fixture.QuestionsOf(t, rb)
	}
	return s
}

// play lets a plan happen in a bubble and returns what was found.
func play(t *testing.T, s scenery, p plan) *run {
	r := &run{scenery: s, plan: p, kv: consul.New(), counts: counts{of: map[string]int{}}, delivered: map[string]int{}, unheard: map[string]int{}}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r.t, r.began = t, time.Now()
		r.kv = consul.New() // its channels belong into the bubble
		r.world = newWorld(r)
		for _, name := range services {
			r.kv.Put(human, routeKey(name), fmt.Appendf(nil, `{"weights":{"%s-v1":100}}`, name))
		}
		r.happen(dir)
	})
	r.t = t
	r.check()
	return r
}

// happen is the run itself: faults until the storm is over, then calm.
func (r *run) happen(dir string) {
	ctx, cancel := context.WithCancel(context.Background())
	var world sync.WaitGroup
	for n := range replicas {
		r.procs = append(r.procs, &proc{r: r, n: n, name: fmt.Sprint("replica-", n), journal: journalOf(dir, n)})
	}
	world.Go(func() { r.world.live(ctx) })
	world.Go(func() { r.world.alertmanager(ctx) })
	for _, p := range r.procs {
		d := diceOf(r.plan.Seed, p.name)
		time.Sleep(10*time.Millisecond + d.upTo(900*time.Millisecond))
		p.start()
	}
	for _, f := range r.plan.Faults {
		switch {
		case f.Kind == restores:
			r.later(f.At-f.For-r.at(), func() { r.restore(f) })
		case f.Kind == crash:
			r.later(f.At-r.at(), func() { r.crash(f) })
		case slices.Contains(peopleKinds, f.Kind):
			r.later(f.At-r.at(), func() { r.act(f) })
		}
	}
	time.Sleep(storm - r.at())
	r.note("the storm is over")
	r.tidyUp()
	for settled := 0; settled < 9 && r.at() < storm+calm; settled++ {
		time.Sleep(5 * time.Second)
		if !r.settled() {
			settled = 0
		}
	}
	r.note("the run ends")
	r.ended.Store(true)
	cancel()
	r.endProcesses() // before what people would still have done: nobody is to go on where no traffic is
	world.Wait()
	r.under.Wait()
	r.endProcesses()        // one that was being started again
	time.Sleep(time.Minute) // what is still under way lands nowhere
}

// endProcesses ends all at one moment: while one is waited for, no other is to go on alone.
func (r *run) endProcesses() {
	var ending []*life
	for _, p := range r.procs {
		if l := p.current(); l != nil {
			l.die()
			ending = append(ending, l)
		}
	}
	for _, l := range ending {
		<-l.over
	}
}

// settled reports whether nothing is under way.
func (r *run) settled() bool {
	for _, i := range under[record.Incident](r, store.IncidentKey("")) {
		if underWay(i.Phase) {
			return false
		}
	}
	return len(r.kv.Under(store.OutboxKey(""))) == 0
}

func underWay(p record.Phase) bool {
	return slices.Contains([]record.Phase{record.Unconfirmed, record.Acted, record.Verifying, record.Settled}, p)
}

// restore takes a snapshot, and restores it some time later.
func (r *run) restore(f fault) {
	old := r.kv.Save()
	time.Sleep(f.At - r.at())
	r.note("somebody restores the snapshot of %s before", f.For.Round(time.Millisecond))
	r.kv.Restore(old)
}

// crash kills a process and starts it again.
func (r *run) crash(f fault) {
	p := r.procs[f.Who]
	l := p.current()
	if l == nil {
		return
	}
	l.crashAt(f.N)
	if f.N > 0 {
		select {
		case <-l.gone:
		case <-time.After(30 * time.Second):
			l.crashAt(-1) // it came to no boundary
			if l.isDead() {
				break
			}
			return
		}
	}
	time.Sleep(f.For)
	if p.current() == nil && r.at() < storm {
		p.start()
	}
}

// tidyUp is what people do once the faults are over: everything runs and nobody holds anything.
func (r *run) tidyUp() {
	for _, p := range r.procs {
		if p.current() == nil {
			p.start()
		}
	}
	r.kv.Put(human, store.ControlKey, []byte("active"))
	if r.mishaps(restores) > 0 {
		time.Sleep(2 * tick) // until whoever knows more has said so
	}
	for n, name := range services {
		r.order(fault{Kind: recovers, Service: n}, name, &dice{})
		if rel := r.release(name); rel != nil {
			r.putBack(*rel)
			r.lift(*rel)
		}
	}
}

// lift makes v1 a version to roll back to again.
func (r *run) lift(rel record.Release) {
	key := store.QuarantineKey(rel.Stable.Bundle)
	if value := r.kv.Value(key); value != nil {
		var q record.Quarantine
		r.must(json.Unmarshal(value, &q))
		q.Lifted = "by ann: because"
		text, err := json.Marshal(q)
		r.must(err)
		r.kv.Put(human, key, text)
	}
}

// later does something at another time, in the bubble.
func (r *run) later(after time.Duration, f func()) {
	r.under.Go(func() {
		if after > 0 {
			time.Sleep(after)
		}
		if !r.ended.Load() {
			f()
		}
	})
}

func (r *run) at() time.Duration { return time.Since(r.began) }

func (r *run) must(err error) {
	if err != nil {
		r.t.Error(err)
	}
}

// told is a message that reached people.
func (r *run) told(m record.Message) {
	r.mu.Lock()
	r.delivered[m.ID]++
	r.mu.Unlock()
	r.note("people read %s", m.Title)
}

func (r *run) journaled(lines []record.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.journal = append(r.journal, lines...)
}

// about takes a query apart.
func (r *run) about(query string) (service string, parts []fixture.Part) {
	for _, name := range services {
		if strings.Contains(query, `"`+name+`"`) {
			return name, r.questions[name].Read(query)
		}
	}
	return "", nil
}

func (r *run) release(service string) *record.Release {
	value := r.kv.Value(store.ReleaseKey(service, runbook.DefaultRegion))
	if value == nil {
		return nil
	}
	rel := &record.Release{}
	r.must(json.Unmarshal(value, rel))
	return rel
}

// serviceOf finds whose a release is.
func (r *run) serviceOf(release string) string {
	for _, name := range services {
		if rel := r.release(name); rel != nil && rel.ID == release {
			return name
		}
	}
	return ""
}

// under reads every record of a kind, sorted by key.
func under[T any](r *run, prefix string) []T {
	values := r.kv.Under(prefix)
	var all []T
	for _, key := range slices.Sorted(maps.Keys(values)) {
		var one T
		r.must(json.Unmarshal(values[key], &one))
		all = append(all, one)
	}
	return all
}

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
  - {name: errors, type: error_rate, severity: severe, above: 5%, for: 10s}
  - {name: slow, type: latency_quantile, severity: severe, quantile: 0.95, increase: 100%, for: 10s}
  - {name: slowish, type: latency_quantile, severity: mild, quantile: 0.95, increase: 30%, for: 10s}
  - {name: slo, type: absolute_slo, severity: page, above: 10%, for: 10s}
routing: {router: json, key: routes/ranker/weights, flags: features/ranker/}
last_known_good: {min_pods: 2}
policy: {mode: active, approvers: [ann, bob], approval_ttl: 90s, on_expiry: EXPIRY, cooldown: 60s, max_rollbacks: 2, min_candidate_pods: 2}
verification:
  within: 75s
  every: 5s
  polls: 3
  window: 10s
  min_requests: 100
  system:
    error_rate: {below: 2%, tolerance: 1%}
    latency: {quantile: 0.95, below: 500ms, tolerance: 30%}
communication: {channel: "#ranking-oncall"}
evidence: {keep: 90d, archive: "s3://incidents/ranker"}
follow_up: {due: 48h}
`
