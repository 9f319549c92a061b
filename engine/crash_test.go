package engine

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/sim"
)

var update = flag.Bool("update", false, "write the documented tables anew")

// errDead is what everything says to a process that has died.
var errDead = errors.New("this process is dead")

// A life is one process: once dead, nothing it does reaches the world.
type life struct {
	e    *Engine
	stop context.CancelFunc
	over chan struct{} // Run has returned

	mu   sync.Mutex
	dead bool
}

func (l *life) die() {
	l.mu.Lock()
	l.dead = true
	l.mu.Unlock()
	l.stop()
}

func (l *life) gone() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return errDead
	}
	return nil
}

// A mortal is the store as one process sees it.
type mortal struct {
	store.Store
	l *life
}

func (m mortal) Read(ctx context.Context, prefixes ...string) (store.Snapshot, error) {
	if err := m.l.gone(); err != nil {
		return store.Snapshot{}, err
	}
	return m.Store.Read(ctx, prefixes...)
}

func (m mortal) Commit(ctx context.Context, tx store.Tx) error {
	if err := m.l.gone(); err != nil {
		return err
	}
	return m.Store.Commit(ctx, tx)
}

// A drama is one incident from alert to closing, with one death on the way.
type drama struct {
	t       *testing.T
	st      *memory
	facts   *facts
	rb      *runbook.Runbook
	trigger string
	blindAt bool // Prometheus is down when the alert comes
	dieAt   string

	person func(*Engine, record.Release) // what a human does on the ramp, at each look

	mu    sync.Mutex
	names []string       // boundaries that were passed, each once
	sent  map[string]int // by kind
	found string         // the state at the death
	alive *life
}

func (d *drama) live(ctx context.Context) *life {
	ctx, stop := context.WithCancel(ctx)
	l := &life{stop: stop, over: make(chan struct{})}
	p := partsOf(mortal{d.st, l}, d.facts)
	p.Archive = captures(func(string) error { return l.gone() })
	p.Journal = journals(func(string, record.Record) error { return l.gone() })
	p.Post = posts(func(m record.Message) (string, error) {
		if err := l.gone(); err != nil {
			return "", err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.sent[m.Kind]++
		return "#ranking-oncall", nil
	})
	l.e = engineOf(d.t, p, d.rb, Options{Replica: "replica", Boundary: func(name string) { d.boundary(l, name) }})
	go func() {
		defer close(l.over)
		if err := l.e.Run(ctx); err != nil {
			d.t.Errorf("run: %v", err)
		}
	}()
	d.mu.Lock()
	d.alive = l
	d.mu.Unlock()
	return l
}

func (d *drama) boundary(l *life, name string) {
	if l.gone() != nil {
		return
	}
	d.mu.Lock()
	fresh := !slices.Contains(d.names, name)
	if fresh {
		d.names = append(d.names, name)
	}
	dies := fresh && name == d.dieAt
	if dies { // under the same lock: another replica at this boundary must not commit before
		d.found = d.state()
	}
	d.mu.Unlock()
	if dies {
		l.die()
	}
}

func (d *drama) incident() (record.Incident, bool) {
	for _, i := range all[record.Incident](d.t, d.st, store.IncidentKey("")) {
		return i, true
	}
	return record.Incident{}, false
}

func (d *drama) release() (record.Release, bool) {
	r, ok := all[record.Release](d.t, d.st, releases)["ranker/"+runbook.DefaultRegion]
	return r, ok
}

func (d *drama) alone() record.Release {
	r, _ := d.release()
	return r
}

func (d *drama) state() string {
	if r, ok := d.release(); ok && r.Unwritten() != nil {
		return "release " + string(r.Phase) + ", its split not written"
	}
	if i, ok := d.incident(); ok && (i.Phase != record.Done || d.rb.Rollout == nil) {
		return "incident " + string(i.Phase)
	}
	for _, m := range all[record.Mirror](d.t, d.st, mirrorKeys) {
		if m.On() {
			return fmt.Sprintf("mirror on at %d %%", m.Percent)
		}
		return "mirror ended"
	}
	if r, ok := d.release(); ok && r.Phase == record.Open && d.rb.Rollout != nil {
		return fmt.Sprintf("release open at %v %%", r.Weight)
	} else if ok {
		return "release " + string(r.Phase)
	}
	return "nothing"
}

// world is users, routers and people: it follows the store's split, and a person
// starts the release, answers what is asked, and does so again after a crash.
func (d *drama) world(began time.Time) {
	rel, open := d.release()
	bad := open && rel.Phase == record.Open
	served := rel.Phase == record.RolledBack && d.split()["ranker-v2"] > 0
	d.facts.set(func(f *facts) {
		f.down = d.blindAt && time.Since(began) < 40*time.Second
		f.traffic, f.errors, f.firing = 0, 0.001, nil
		f.breaking[d.trigger] = bad
		if bad {
			f.traffic, f.errors, f.firing = 20, 0.2, []string{d.trigger}
		}
		if served {
			f.traffic = 20
		}
	})
	d.mu.Lock()
	e := d.alive.e
	d.mu.Unlock()
	if !open {
		_, _ = e.Start(d.t.Context(), fixture.Launch(d.t), fixture.By("ann")) // refused or dead: the state shows it
	}
	for id, a := range all[record.Approval](d.t, d.st, store.ApprovalKey("")) {
		if a.Status == record.Pending {
			_, _ = e.Answer(d.t.Context(), id, fixture.By("ann"), record.Reply{Yes: true, Reason: "because"})
		}
	}
}

// split is what the router is told.
func (d *drama) split() record.Split {
	snap, err := d.st.Read(d.t.Context(), routerKey, entries)
	must(d.t, err)
	router, err := actuators.For(d.rb.Routing)
	must(d.t, err)
	split, err := router.Decode(snap)
	must(d.t, err)
	return split
}

// layOut is a router with all traffic on v1.
func layOut(t *testing.T, st store.Store, rb *runbook.Runbook) {
	t.Helper()
	if rb.Routing.Router == runbook.Splitter {
		mesh(t, st)
		return
	}
	must(t, put(st, routerKey, `{"weights":{"ranker-v1":100}}`))
}

// play lets it happen and returns once the incident is closed and told.
func (d *drama) play() {
	d.sent = map[string]int{}
	d.st = newMemory()
	layOut(d.t, d.st, d.rb)
	began, alerted := time.Now(), false
	l := d.live(d.t.Context())
	for time.Since(began) < 14*time.Minute {
		d.world(began)
		if rel, ok := d.release(); ok && len(rel.Pending) == 0 && !alerted {
			alerted = true // and if we die of it, Alertmanager is not heard of again
			if d.blindAt {
				d.facts.set(func(f *facts) { f.down = true })
			}
			_ = l.e.Alerts(d.t.Context(), []record.Alert{fixture.Alert(d.trigger, record.Webhook)})
		}
		if l.gone() != nil {
			<-l.over
			l = d.live(d.t.Context())
		}
		waiting := all[record.Message](d.t, d.st, store.OutboxKey(""))
		if i, ok := d.incident(); ok && i.Phase == record.Done && len(waiting) == 0 {
			break
		}
		time.Sleep(time.Second)
	}
	l.stop()
	<-l.over
}

// check is what must be true of every drama, and its line in the table.
func (d *drama) check() string {
	i, _ := d.incident()
	acted := 0
	for _, r := range i.Timeline {
		if r.Kind == "acted" {
			acted++
		}
	}
	budget := len(all[record.Budget](d.t, d.st, store.BudgetKey)[""].Recent)
	wantBudget := 1
	if i.By != "" {
		wantBudget = 0
	}
	n := len(all[record.Incident](d.t, d.st, store.IncidentKey("")))
	if i.Phase != record.Done || acted != 1 || n != 1 || budget != wantBudget || i.Verdict == nil || i.Verdict.Outcome != record.Recovered || i.Evidence != "folder" {
		d.t.Errorf("died at %q: %d incidents, %s, acted %d times, budget %d, verdict %+v, evidence %q", d.dieAt, n, i.Phase, acted, budget, i.Verdict, i.Evidence)
	}
	d.flagsOff(i)
	var told []string
	for _, kind := range []string{"started", "opened", "approval", "acted", "verdict"} {
		if d.sent[kind] > 0 {
			told = append(told, kind)
		}
		if d.sent[kind] > 2 {
			d.t.Errorf("died at %q: %s was sent %d times", d.dieAt, kind, d.sent[kind])
		}
	}
	if got := d.split(); !got.Equal(record.Split{"ranker-v1": 100}) || len(d.alone().Pending) > 0 {
		d.t.Errorf("died at %q: the router is told %v, pending %+v", d.dieAt, got, d.alone().Pending)
	}
	if d.sent["started"] == 0 || d.sent["acted"] == 0 || d.sent["verdict"] == 0 {
		d.t.Errorf("died at %q: told only %v", d.dieAt, told)
	}
	return fmt.Sprintf("| %s | %s | %d | %s | %s |\n", d.dieAt, d.found, acted, i.Verdict.Outcome, strings.Join(told, ", "))
}

// flagsDrained is the fixture's runbook with flags that wait.
func flagsDrained(t *testing.T) *runbook.Runbook {
	t.Helper()
	rb := fixture.Runbook(t, "page")
	rb.Routing.FlagsAfter = runbook.Drained
	return rb
}

// flagsOff wants the candidate's document off, and where flags wait, not before its traffic was
// gone.
func (d *drama) flagsOff(i record.Incident) {
	if text := value(d.t, d.st, flagsKey); !strings.Contains(text, `"flags":{"encoder":"v4"},"serving":false,"quarantined":true`) {
		d.t.Errorf("died at %q: the candidate's flags are %s", d.dieAt, text)
	}
	var order []string
	for _, r := range i.Timeline {
		if slices.Contains([]string{"acted", "drained", "written"}, r.Kind) {
			order = append(order, r.Kind)
		}
	}
	want := []string{"acted", "drained"}
	if d.rb.Routing.Router == runbook.Splitter {
		want = []string{"acted", "written", "drained"}
	}
	if d.rb.Routing.FlagsWait() {
		want = append(want, "written")
	}
	if !slices.Equal(order, want) {
		d.t.Errorf("died at %q: what happened is %v, want %v", d.dieAt, order, want)
	}
}

// TestResumeAfterDeathAtEveryBoundary kills the process at each step boundary and has
// a new one go on from the store alone.
func TestResumeAfterDeathAtEveryBoundary(t *testing.T) {
	var table strings.Builder
	table.WriteString(tableHead)
	for _, story := range []struct {
		title, trigger string
		blind          bool
		rb             *runbook.Runbook
	}{
		{"A severe breach", "errors", false, fixture.Runbook(t, "page")},
		{"A mild breach that a human approves", "slowish", false, fixture.Runbook(t, "page")},
		{"A severe breach while Prometheus is down", "slow", true, fixture.Runbook(t, "page")},
		{"A severe breach where the split is written after the transaction", "errors", false, splitBy(t)},
		{"A severe breach, flags once the traffic is gone", "errors", false, flagsDrained(t)},
	} {
		fmt.Fprintf(&table, "\n## %s\n\n| died at | found in the store | rollbacks | verdict | told |\n|---|---|---|---|---|\n", story.title)
		rb := story.rb
		play := func(dieAt string) *drama {
			d := &drama{t: t, rb: rb, facts: factsOf(t, rb), trigger: story.trigger, blindAt: story.blind, dieAt: dieAt}
			synctest.Test(t, func(t *testing.T) {
				d.t = t
				d.play()
			})
			d.t = t
			return d
		}
		whole := play("")
		whole.check()
		slices.SortFunc(whole.names, byStep)
		for n, name := range whole.names {
			if raced(n) || strings.HasSuffix(name, "-standby") {
				continue // when its first probe comes is by chance here; on a ramp its deaths are played
			}
			d := play(name)
			if d.found == "" {
				t.Errorf("%s: never died at %s", story.title, name)
			}
			table.WriteString(d.check())
		}
	}
	asDocumented(t, crashTable, 74, table.String())
}

// raced passes over three deaths of four under the race detector, which needs not each of
// them to see two goroutines touch one thing. The run without it plays them all.
func raced(n int) bool { return sim.Raced && n%4 != 1 }

const crashTable = "../docs/crash-table.md"

// asDocumented compares a part of the document, which begins with its "# " title, with
// what was played, row by row, as far as it is the same in every run. When a message is
// sent and a line noted beside the incident's own way hangs on which goroutine was first,
// and so does what a message still tells of; every row was checked for what must hold when
// it was played.
func asDocumented(tb testing.TB, name string, least int, got string) {
	tb.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	title, _, _ := strings.Cut(got, "\n")
	before, want, after := partOf(string(text), title)
	if *update {
		if before != "" {
			before = strings.TrimRight(before, "\n") + "\n\n"
		}
		if after != "" {
			got += "\n"
		}
		if err := os.WriteFile(name, []byte(before+got+after), 0o644); err != nil {
			tb.Fatal(err)
		}
		return
	}
	have, must := rowsOf(want), rowsOf(got)
	if len(must) < least*2/3 && !sim.Raced {
		tb.Fatalf("%d rows were played: the table is broken", len(must))
	}
	for at, found := range must {
		if have[at] != found {
			tb.Errorf("%s says %q of %s; it is %q now (-update writes it anew)", name, have[at], at, found)
		}
	}
}

// partOf finds the part of a document that begins with the title. One that is not there
// comes last.
func partOf(text, title string) (before, part, after string) {
	from := strings.Index("\n"+text, "\n"+title+"\n")
	if from < 0 {
		return text, "", ""
	}
	to := len(text)
	if n := strings.Index(text[from+1:], "\n# "); n >= 0 {
		to = from + 1 + n + 1
	}
	return text[:from], text[from:to], text[to:]
}

// rowsOf maps story and boundary to what was found in the store.
func rowsOf(table string) map[string]string {
	rows, story := map[string]string{}, ""
	for line := range strings.Lines(table) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			story = strings.TrimSpace(title)
		}
		cells := strings.Split(line, " | ")
		at := strings.TrimPrefix(cells[0], "| ")
		_, step, ok := strings.Cut(at, "-")
		if len(cells) == 5 && ok && !byChance(step) {
			rows[story+": "+at] = cells[1]
		}
	}
	return rows
}

// byChance reports whether a step comes beside the incident's own way.
func byChance(step string) bool {
	return slices.ContainsFunc([]string{"send", "told", "note", "read-back", "standby"}, func(s string) bool { return step == s || strings.HasPrefix(step, s+"-") })
}

// steps are the boundaries in the order in which an incident or a ramp passes them.
var steps = []string{
	"launch", "send-started", "told-started", "read-back", "standby", "confirm", "asked", "send-promote", "told-promote", "promote", "send-promoted", "told-promoted",
	"checked", "send-checked", "told-checked", "release", "open", "send-blind", "told-blind", "act", "write", "written", "write-back", "written-back", "send", "told", "note",
	"verifying", "settled", "closed", "proved", "send-proved", "told-proved",
}

// byStep orders boundaries as an incident passes them, whatever goroutine was first.
func byStep(a, b string) int {
	place := func(name string) int {
		when, what, _ := strings.Cut(name, "-")
		n := 2 * slices.Index(steps, what)
		if when == "after" {
			n++
		}
		return n
	}
	return place(a) - place(b)
}

const tableHead = `# What a crash leaves behind

Generated by engine/crash_test.go: the process dies at a step boundary ("before-x": the
transaction to x is not committed; "after-x": it is, and nothing after it happened), its
webhook is lost with it, and a new process continues from the store alone. Every row ends
with exactly one rollback, the verdict, sealed evidence and an empty outbox. A message is
sent at least once, and twice only if the process died between sending and noting it.
"send" and "told" are of the incident's first message; one that belongs to no incident has
its kind behind that: "send-started".
`
