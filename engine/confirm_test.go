package engine

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/fixture"
)

// A storm asks Prometheus once a second; weights that changed are asked about anew.
func TestAlertsOfOneTriggerShareAConfirmation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st, f := solo(t, nil)
		storm := func(trigger string) {
			t.Helper()
			must(t, hears(t, e, slices.Repeat([]record.Alert{fixture.Alert(trigger, record.Webhook)}, 32)...))
		}
		asked := func(what string, errors, slow int) {
			t.Helper()
			if f.asked["breach errors"] != errors || f.asked["breach slow"] != slow {
				t.Errorf("%s: asked %v, want errors %d, slow %d times", what, f.asked, errors, slow)
			}
		}
		storm("errors")
		asked("at once", 1, 0)
		time.Sleep(sharedFor)
		storm("errors")
		asked("within a second", 1, 0)
		storm("slow")
		asked("another trigger", 1, 1)
		time.Sleep(1)
		storm("errors")
		asked("later", 2, 1)

		must(t, put(st, routerKey, `{"weights":{"ranker-v1":60,"ranker-v2":40}}`))
		if _, err := e.step(t.Context(), theTarget, lifecycle.Tick{}); err != nil {
			t.Fatal(err)
		}
		if _, err := e.AcceptSplit(t.Context(), "ranker", "", fixture.By("ann"), "because"); err != nil {
			t.Fatal(err)
		}
		storm("errors")
		asked("another epoch", 3, 1)
	})
}

// What is shared is the answer, with what the alerts are told of it.
func TestASharedConfirmationActsOnce(t *testing.T) {
	h := listening(t)
	h.f.breaking["errors"] = true
	must(t, hears(t, h.Engine, slices.Repeat([]record.Alert{fixture.Alert("errors", record.Webhook)}, 8)...))
	if i := incidentOf(t, h.st); i.Phase != record.Acted || i.Breach.Significance.Value != 3 {
		t.Errorf("incident is %q, %+v", i.Phase, i.Breach.Significance)
	}
	if n := h.f.asked["breach errors"]; n != 1 {
		t.Errorf("asked %d times", n)
	}
	// Whoever comes after the rollback brings nothing new.
	if got, _ := h.counted(t); got["webhook errors breaching"] != 1 || got["webhook errors duplicate"] != 7 {
		t.Errorf("counted %v", got)
	}
}
