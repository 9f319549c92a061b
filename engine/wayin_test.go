package engine

import (
	"fmt"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/fixture"
)

// What came by webhook is remembered by its id, and by when the watchdog last did; a
// synthetic alert is no breach, and opens nothing.
func TestWhatCameByWebhookIsRemembered(t *testing.T) {
	h := listening(t)
	h.f.breaking["errors"] = true
	send := func(trigger string, source record.Source, id string) {
		t.Helper()
		a := fixture.Alert(trigger, source)
		a.Labels = map[string]string{"id": id}
		if err := hears(t, h.Engine, a); err != nil {
			t.Fatal(err)
		}
	}
	send(watchdog, record.Watcher, "")
	send(doctor, record.Watcher, "forged")
	if !h.WatchdogReceived().IsZero() || !h.SyntheticReceived("forged").IsZero() {
		t.Error("the watcher is no webhook")
	}
	send(watchdog, record.Webhook, "")
	for n := range mostSynthetic + 1 {
		send(doctor, record.Webhook, fmt.Sprint(n))
	}
	if h.WatchdogReceived().IsZero() {
		t.Error("the watchdog is not remembered")
	}
	for id, want := range map[string]bool{"0": false, "1": true, fmt.Sprint(mostSynthetic): true, "never": false} {
		if got := !h.SyntheticReceived(id).IsZero(); got != want {
			t.Errorf("%s is remembered: %t, want %t", id, got, want)
		}
	}
	if st, err := h.Status(t.Context()); err != nil || len(st.Incidents) > 0 {
		t.Errorf("incidents %v, %v", st.Incidents, err)
	}
}
