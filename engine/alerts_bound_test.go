package engine

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

// Alerts that nobody waits for any more are bounded, and do not keep the watcher back.
func TestAlertsUnderWayAreBounded(t *testing.T) {
	e, _, _ := solo(t, nil)
	slow := make(chan struct{})
	e.opts.Boundary = func(name string) {
		if name == "before-confirm" {
			<-slow // Prometheus is
		}
	}
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	body := slices.Repeat([]record.Alert{fixture.Alert("errors", record.Webhook)}, 1000)
	for n := range 4 {
		if err := e.Alerts(gone, body); !errors.Is(err, runbook.ErrLater) {
			t.Errorf("call %d: %v", n, err)
		}
	}
	if n := e.waiting.Load(); n != 4000 {
		t.Errorf("%d alerts are under way, want 4000", n)
	}
	if err := e.Alerts(t.Context(), body[:1]); !errors.Is(err, runbook.ErrLater) {
		t.Errorf("one more is taken: %v", err)
	}
	close(slow)
	if err := e.Alerts(t.Context(), []record.Alert{fixture.Alert("errors", record.Watcher)}); err != nil {
		t.Errorf("the watcher's: %v", err)
	}
	e.begun.Lock() // until all is done
	defer e.begun.Unlock()
	if n := e.waiting.Load(); n != 0 {
		t.Errorf("%d alerts are still counted", n)
	}
}
