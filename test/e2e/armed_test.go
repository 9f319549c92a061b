package e2e

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
)

var update = flag.Bool("update", false, "write docs/faults.md from this run")

// A fault is one mistake in the world of one service, or in everybody's.
type fault struct {
	name  string // of its service
	title string // in the table
	stay  time.Duration

	runbook  []string            // what somebody edits in the runbook; the rules are generated and loaded anew
	exposed  []string            // what the pods expose otherwise
	silences string              // what they expose no more
	relabel  string              // how Prometheus relabels their series
	twice    bool                // a second job scrapes them
	daemon   string              // the target's labels where Prometheus scrapes the daemon
	rules    func(string) string // what somebody does to the loaded rules
	external string              // external labels
	global   func(w *armedWorld, on bool)

	kind    string // what is found
	trigger string // one that it concerns
	state   record.ArmState

	found, told, cleared time.Duration
	waits                string // why the ramp does
}

// besides are the faults that are side by side in one world.
var besides = []*fault{
	{name: "target-label", title: "target label `service` where the daemon is scraped", daemon: "service: autorollback", kind: "rewritten", trigger: "errors", state: record.Off},
	{name: "missing-series", title: "series missing", silences: "orders_total", kind: "matcher", trigger: "conversion", state: record.Off},
	{name: "typo", title: "typo in one metric of the runbook", runbook: []string{"orders_total", "order_total"}, kind: "series", trigger: "conversion", state: record.Off},
	{name: "matcher", title: "wrong matcher of errors", runbook: []string{`code=~"5.."`, `code=~"timeout"`}, kind: "matcher", trigger: "errors", state: record.Off},
	{name: "unit", title: "milliseconds where the runbook says seconds", exposed: []string{`le="0.05"`, `le="50"`, `le="0.1"`, `le="100"`, `le="0.15"`, `le="150"`, `le="0.2"`, `le="200"`, `le="0.3"`, `le="300"`, `le="0.5"`, `le="500"`, `le="1"`, `le="1000"`},
		runbook: []string{"[0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1]", "[50, 100, 150, 200, 300, 500, 1000]"}, kind: "unit", trigger: "latency", state: record.Off},
	{name: "bounds", title: "other bounds than the runbook's", exposed: []string{`le="0.2"`, `le="0.25"`}, kind: "bounds", trigger: "latency", state: record.Off},
	{name: "doubled", title: "pods scraped twice", twice: true, kind: "doubled", trigger: "errors", state: record.Degraded},
	{name: "not-loaded", title: "rule group not loaded", rules: func(string) string { return "groups: []\n" }, kind: "missing", trigger: "errors", state: record.Degraded},
	{name: "late", title: "rule group late by 60 s (`query_offset`)", rules: func(text string) string {
		return strings.Replace(text, "  interval: 2s", "  interval: 2s\n  query_offset: 60s", 1)
	}, kind: "late", trigger: "errors", state: record.Degraded},
	{name: "edited", title: "rule edited", rules: func(text string) string { return strings.ReplaceAll(text, " 0.05\n", " 0.5\n") }, kind: "edited", trigger: "errors", state: record.Degraded},
	{name: "relabelled", title: "version relabelled away", relabel: "{regex: version, action: labeldrop}", kind: "version", trigger: "errors", state: record.Off},
	{name: "expired", title: "series expire and return", silences: `http_requests_total{version="v1",instance="a",code="500"}`, kind: "vanished", trigger: "errors", state: record.Degraded},
}

// everybodys are those that concern all services: one after the other.
var everybodys = []*fault{
	{name: "token", title: "a token that Alertmanager does not have", global: func(w *armedWorld, on bool) {
		w.write("receiver.token", map[bool]string{true: "another-" + token, false: token}[on]+"\n")
	}, kind: "watchdog", trigger: "errors", state: record.Degraded},
	{name: "external-label", title: "external label `region`", external: "region: eu", kind: "external_label", trigger: "errors", state: record.Degraded},
	{name: "clock", title: "the daemon's clock 60 s off", global: func(w *armedWorld, on bool) {
		w.clock(map[bool]time.Duration{true: time.Minute}[on])
	}, kind: "clock", trigger: "errors", state: record.Degraded},
	{name: "receiver", title: "the receiver unreachable from Alertmanager", global: func(w *armedWorld, on bool) {
		w.routeTo(map[bool]string{true: servers.FreeAddr(w.t), false: w.daemons[0].hooks}[on])
	}, kind: "watchdog", trigger: "errors", state: record.Degraded},
}

// holds are the words of a ramp that a fault holds: as such, as an incident of a trigger that can
// judge nothing, or as a stable side that seems to break its limit in the wrong unit.
var holds = []string{"not every trigger is armed: ", "incident inc-", "breaks an absolute limit"}

// soon is how long a fault may take to be found and told: two intervals of 2 s are less.
const soon = time.Minute

// Each fault is injected into a running world with an open release that is well. The state of its
// trigger turns and is told within a minute, the ramp takes no step, and once it is fixed the
// trigger is armed again and the ramp goes on by itself. The others see nothing of it.
func TestEachFaultIsToldAndHoldsTheRamp(t *testing.T) {
	t.Parallel()
	s := &stack{t: t, dir: t.TempDir(), consul: servers.Consul(t)}
	var err error
	if s.kv, err = store.OpenConsul(store.ConsulConfig{Address: s.consul.Addr, Scheme: "http", Replica: "test"}); err != nil {
		t.Fatal(err)
	}
	well := &fault{name: "well", stay: time.Hour}
	all := []*fault{well}
	for _, f := range besides {
		f.stay, all = 185*time.Second, append(all, f)
	}
	for _, f := range everybodys {
		f.stay, all = 30*time.Second, append(all, f)
		if f.kind == "watchdog" {
			f.stay = 65 * time.Second
		}
	}
	w := openArmedWorld(s, all)
	w.await("the level of v1 before the release", time.Minute, func() error {
		return w.has(`count_over_time(http_requests_total{app="well",instance="a",code="200"}[1m]) > 8`)
	})
	w.startRelease("well")
	for _, f := range besides {
		w.startRelease(f.name)
	}
	time.Sleep(time.Until(w.began.Add(150 * time.Second))) // series that went away are missed after two minutes
	w.armed(t, append([]*fault{well}, besides...))
	w.play(t, besides...)
	w.armed(t, []*fault{well})
	for _, f := range everybodys {
		w.startRelease(f.name)
		time.Sleep(5 * time.Second)
		w.play(t, f)
	}
	w.table(t, slices.Concat(besides, everybodys))
}

// armed are services of which nothing is said.
func (w *armedWorld) armed(t *testing.T, all []*fault) {
	t.Helper()
	for _, f := range all {
		if c, err := w.check(f.name); err != nil || len(c.Drift) > 0 || c.State == record.RulesUnknown {
			t.Errorf("%s is well, and is said to be %s: %+v, %v", f.name, c.State, c.Drift, err)
		}
	}
}

// play injects faults, waits until each is found and told, sees the ramps hold, fixes them, and
// waits until the triggers are armed and the ramps go on.
func (w *armedWorld) play(t *testing.T, faults ...*fault) {
	began := w.set(t, true, faults...)
	together(t, "found", faults, func(t *testing.T, f *fault) { w.isFound(t, f, began) })
	fixed := w.set(t, false, faults...)
	together(t, "fixed", faults, func(t *testing.T, f *fault) { w.isCleared(t, f, fixed) })
}

// together tests all of them at once, whatever -parallel says.
func together(t *testing.T, what string, faults []*fault, test func(*testing.T, *fault)) {
	var all sync.WaitGroup
	for _, f := range faults {
		all.Go(func() { t.Run(f.name+"/"+what, func(t *testing.T) { test(t, f) }) })
	}
	all.Wait()
}

func (w *armedWorld) isFound(t *testing.T, f *fault, began time.Time) {
	f.found = w.since(t, began, "the state to turn", func() error {
		c, err := w.check(f.name)
		if state, why := c.Armed(f.trigger); err != nil || state != f.state || !found(c, f.kind) {
			return fmt.Errorf("%s is %s because of %+v, check %+v, %v", f.trigger, state, why, c, err)
		}
		return nil
	})
	f.told = w.since(t, began, "the message", func() error { _, err := w.message("rule_drift", f.name); return err })
	if f.told > soon {
		t.Errorf("found after %s and told after %s, want within %s", f.found, f.told, soon)
	}
	held := w.since(t, began, "the ramp to hold", func() error {
		rel, err := w.client().Release(w.t.Context(), f.name, "default")
		named := func(why string) bool { return strings.Contains(rel.Waiting, why) }
		if f.waits = rel.Waiting; err != nil || !slices.ContainsFunc(holds, named) {
			return fmt.Errorf("%v %%, waiting: %s; %v", rel.Weight, rel.Waiting, err)
		}
		if rel.Weight != 20 {
			t.Fatalf("the ramp has gone on to %v %%", rel.Weight)
		}
		return nil
	})
	t.Logf("found after %s, told after %s, held after %s: %s", f.found, f.told, held, f.waits)
}

func (w *armedWorld) isCleared(t *testing.T, f *fault, fixed time.Time) {
	f.cleared = w.since(t, fixed, "the trigger to be armed", func() error {
		c, err := w.check(f.name)
		if state, why := c.Armed(f.trigger); err != nil || state != record.Armed || found(c, f.kind) {
			return fmt.Errorf("%s is %s because of %+v, %v", f.trigger, state, why, err)
		}
		return nil
	})
	if strings.HasPrefix(f.waits, "incident ") {
		if _, err := w.client().Resume(w.t.Context(), f.name, "default", "it is fixed"); err != nil {
			t.Errorf("resume: %v", err)
		}
	}
	went := w.since(t, fixed, "the ramp to go on", func() error {
		rel, err := w.client().Release(w.t.Context(), f.name, "default")
		if err != nil || rel.Weight != 40 {
			return fmt.Errorf("%v %%, waiting: %s; %v", rel.Weight, rel.Waiting, err)
		}
		return nil
	})
	t.Logf("cleared after %s, went on after %s", f.cleared, went)
}

func found(c record.RulesCheck, kind string) bool {
	return slices.ContainsFunc(c.Drift, func(d record.RuleDiff) bool { return d.Kind == kind })
}

// since waits, and returns how long it was since something began.
func (w *armedWorld) since(t *testing.T, began time.Time, what string, f func() error) time.Duration {
	t.Helper()
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(6 * time.Minute); ; <-tick.C {
		err := f()
		if err == nil {
			return time.Since(began).Round(time.Second)
		}
		if time.Now().After(end) {
			t.Fatalf("waited six minutes for %s: %v", what, err)
		}
	}
}

// table logs how soon each fault was found, and writes it into the documents if asked to.
func (w *armedWorld) table(t *testing.T, all []*fault) {
	var b strings.Builder
	b.WriteString("| fault | what is said | the trigger is | found within | told within | cleared within |\n|---|---|---|---|---|---|\n")
	for _, f := range all {
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s | %s |\n", f.title, f.kind, f.state, f.found, f.told, f.cleared)
	}
	t.Logf("\n%s", b.String())
	if !*update || t.Failed() {
		return
	}
	const file, mark = "../../docs/faults.md", "<!-- made by: go test ./test/e2e -run EachFault -update -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(text), mark)
	if err := os.WriteFile(file, []byte(before+mark+"\n"+b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
