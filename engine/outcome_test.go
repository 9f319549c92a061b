package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// heardBy is an engine with a release under way, what it counts, and what it logs.
type heardBy struct {
	*Engine
	st   *memory
	f    *facts
	reg  *prometheus.Registry
	logs *observer.ObservedLogs
}

func listening(tb testing.TB) heardBy {
	tb.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	reg := prometheus.NewRegistry()
	e, st, f := solo(tb, func(p *Parts) { p.Registerer, p.Log = reg, zap.New(core) })
	logs.TakeAll()
	return heardBy{e, st, f, reg, logs}
}

// counted are the alerts by "source trigger outcome", and how many series there are.
func (h heardBy) counted(tb testing.TB) (map[string]float64, int) {
	tb.Helper()
	families, err := h.reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	counts, series := map[string]float64{}, 0
	for _, family := range families {
		if family.GetName() != "autorollback_alerts_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			series++
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if n := m.GetCounter().GetValue(); n > 0 {
				counts[strings.Join([]string{labels["source"], labels["trigger"], labels["outcome"]}, " ")] = n
			}
		}
	}
	return counts, series
}

func (h heardBy) pages(tb testing.TB) (n int) {
	tb.Helper()
	for _, m := range all[record.Message](tb, h.st, store.OutboxKey("")) {
		if m.Page {
			n++
		}
	}
	return n
}

// Whatever is wrong with an alert that is answered 200: it is counted once, under a name
// that a runbook has, and there is one line about it.
func TestEveryAlertHasOneOutcome(t *testing.T) {
	alert := func(change func(*record.Alert)) record.Alert {
		a := fixture.Alert("errors", record.Webhook)
		if change != nil {
			change(&a)
		}
		return a
	}
	over := func(h heardBy) {
		if _, err := h.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "because"); err != nil {
			t.Fatal(err)
		}
	}
	never := func(h heardBy) { h.services["ranker"].rb.Regions[0] = "moon" }
	for _, c := range []struct {
		name   string
		before func(heardBy)
		alert  record.Alert
		want   string // source, trigger, outcome
		level  zapcore.Level
		pages  int
	}{
		{"breaching", func(h heardBy) { h.f.breaking["errors"] = true }, alert(nil), "webhook errors breaching", zap.InfoLevel, 0},
		{"not true", nil, alert(nil), "webhook errors not_breaching", zap.InfoLevel, 0},
		{"Prometheus away", func(h heardBy) { h.f.down = true }, alert(nil), "webhook errors unreachable", zap.InfoLevel, 1},
		{"resolved", nil, alert(func(a *record.Alert) { a.Firing = false }), "webhook errors resolved", zap.InfoLevel, 0},
		{"resolved, of nobody", nil, alert(func(a *record.Alert) { a.Firing, a.Service = false, "nobody" }), "webhook other resolved", zap.InfoLevel, 0},
		{"unknown service", nil, alert(func(a *record.Alert) { a.Service = "nobody" }), "webhook other unknown_service", zap.WarnLevel, 0},
		{"no service", nil, alert(func(a *record.Alert) { a.Service = "" }), "webhook other unknown_service", zap.WarnLevel, 0},
		{"unknown region", nil, alert(func(a *record.Alert) { a.Region = "mars" }), "webhook errors unknown_region", zap.WarnLevel, 0},
		{"unknown trigger", nil, alert(func(a *record.Alert) { a.Trigger = "cosmic-rays" }), "webhook other unknown_trigger", zap.WarnLevel, 1},
		{"unknown trigger by the watcher", nil, alert(func(a *record.Alert) { a.Trigger, a.Source = "cosmic-rays", record.Watcher }), "watcher other unknown_trigger", zap.WarnLevel, 1},
		{"unknown trigger, release over", over, alert(func(a *record.Alert) { a.Trigger = "cosmic-rays" }), "webhook other no_release", zap.InfoLevel, 0},
		{"release over", over, alert(nil), "webhook errors no_release", zap.InfoLevel, 0},
		{"never released", never, alert(nil), "webhook errors no_release", zap.InfoLevel, 0},
		{"companion", nil, alert(func(a *record.Alert) { a.Trigger = blind }), "webhook blind not_breaching", zap.InfoLevel, 0},
		{"companion, release over", over, alert(func(a *record.Alert) { a.Trigger = blind }), "webhook blind no_release", zap.InfoLevel, 0},
		{"two regions, one released", func(h heardBy) {
			rb := h.services["ranker"].rb
			rb.Regions = append(rb.Regions, "moon")
			h.f.breaking["errors"] = true
		}, alert(nil), "webhook errors breaching", zap.InfoLevel, 0},
		{"watchdog", nil, alert(func(a *record.Alert) { a.Trigger, a.Service = watchdog, "" }), "webhook watchdog watchdog", zap.DebugLevel, 0},
		{"doctor, of a service that breaches", func(h heardBy) { h.f.breaking["errors"] = true }, alert(func(a *record.Alert) { a.Trigger = doctor }), "webhook doctor doctor", zap.DebugLevel, 0},
		{"watchdog, resolved", nil, alert(func(a *record.Alert) { a.Trigger, a.Service, a.Firing = watchdog, "", false }), "webhook watchdog resolved", zap.InfoLevel, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := listening(t)
			if c.before != nil {
				c.before(h)
			}
			pages := h.pages(t)
			h.logs.TakeAll()
			if err := hears(t, h.Engine, c.alert); err != nil {
				t.Fatal(err)
			}
			if got, _ := h.counted(t); fmt.Sprint(got) != fmt.Sprint(map[string]float64{c.want: 1}) {
				t.Errorf("counted %v, want %q once", got, c.want)
			}
			lines := h.logs.FilterMessage("alert").All()
			if len(lines) != 1 || lines[0].Level != c.level {
				t.Errorf("logged %v, want one line of level %s", lines, c.level)
			}
			if got := h.pages(t) - pages; got != c.pages {
				t.Errorf("%d pages, want %d", got, c.pages)
			}
		})
	}
}

func TestAnAlertThatIsNotCommittedIsCountedAsThat(t *testing.T) {
	h := listening(t)
	if err := put(h.st, store.ReleaseKey("ranker", runbook.DefaultRegion), `{"schema":99}`); err != nil {
		t.Fatal(err)
	}
	if err := hears(t, h.Engine, fixture.Alert("cosmic-rays", record.Webhook), fixture.Alert("errors", record.Webhook)); !errors.Is(err, runbook.ErrLater) {
		t.Fatalf("heard: %v", err)
	}
	if got, _ := h.counted(t); len(got) != 2 || got["webhook other later"] != 1 || got["webhook errors later"] != 1 {
		t.Errorf("counted %v", got)
	}
}

// What is forged makes no series and no endless record, pages once, and stands in no
// true breach's way.
func TestForgedNamesAreBounded(t *testing.T) {
	h := listening(t)
	_, before := h.counted(t)
	for i := range 100 {
		a := fixture.Alert(fmt.Sprintf("forged-%d", i), record.Webhook)
		b := a
		b.Service = a.Trigger
		if err := hears(t, h.Engine, a, b); err != nil {
			t.Fatal(err)
		}
	}
	got, after := h.counted(t)
	if after != before || got["webhook other unknown_trigger"] != 100 || got["webhook other unknown_service"] != 100 {
		t.Errorf("%d series became %d, counted %v", before, after, got)
	}
	i := incidentOf(t, h.st)
	if i.Phase != record.HeldPhase || i.Decision.Guard != policy.GuardUnknownTrigger || !strings.Contains(i.Decision.Reasons[0], "forged-0") {
		t.Errorf("incident is %s, decision %+v", i.Phase, i.Decision)
	}
	if len(i.Triggers) > 16 || h.pages(t) != 1 {
		t.Errorf("the incident has %d triggers, and there are %d pages", len(i.Triggers), h.pages(t))
	}
	h.f.breaking["errors"] = true
	if err := hears(t, h.Engine, fixture.Alert("errors", record.Webhook)); err != nil {
		t.Fatal(err)
	}
	if i := incidentOf(t, h.st); i.Phase != record.Acted || i.Triggers[len(i.Triggers)-1] != "errors" {
		t.Errorf("a true breach makes it %s, of %v", i.Phase, i.Triggers)
	}
}

// The watcher sees the same alert every few seconds: it is counted each time.
func TestTheWatcherSaysTheSameOnce(t *testing.T) {
	h := listening(t)
	for range 10 {
		a := fixture.Alert("errors", record.Watcher)
		a.Service = "nobody"
		if err := hears(t, h.Engine, a); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := h.counted(t); got["watcher other unknown_service"] != 10 || h.logs.FilterMessage("alert").Len() != 1 {
		t.Errorf("counted %v, logged %v", got, h.logs.All())
	}
}

// Asking again about an incident is no alert.
func TestAskingAgainIsNoAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := listening(t)
		h.f.down = true
		if err := hears(t, h.Engine, fixture.Alert("errors", record.Webhook)); err != nil {
			t.Fatal(err)
		}
		h.f.set(func(f *facts) { f.down = false })
		time.Sleep(sharedFor + 1) // what was said before is not said again
		h.reconcile(t.Context(), theTarget)
		if i := incidentOf(t, h.st); i.Phase != record.Done {
			t.Fatalf("incident is %s: it was not asked again", i.Phase)
		}
		if got, _ := h.counted(t); len(got) != 1 {
			t.Errorf("counted %v", got)
		}
	})
}
