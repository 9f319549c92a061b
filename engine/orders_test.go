package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

// A yes to a rollback whose trigger is quiet by now needs to be wanted anyway, wherever it is given.
func TestApprovingWhileQuiet(t *testing.T) {
	for _, quiet := range []string{"not breaching", "Prometheus is down"} {
		t.Run(quiet, func(t *testing.T) {
			e, st, f := solo(t, nil)
			f.breaking["slowish"] = true
			must(t, hears(t, e, fixture.Alert("slowish", record.Webhook)))
			i := incidentOf(t, st)
			if i.Approval == "" {
				t.Fatalf("incident is %s: nobody is asked", i.Phase)
			}
			if f.breaking["slowish"] = false; quiet == "Prometheus is down" {
				f.down = true
			}
			_, err := e.Answer(t.Context(), i.Approval, fixture.By("ann"), record.Reply{Yes: true})
			if !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), "anyway") {
				t.Fatalf("approved: %v", err)
			}
			a, err := e.Answer(t.Context(), i.Approval, fixture.By("ann"), record.Reply{Yes: true, Anyway: true})
			if err != nil || a.Status != record.Approved {
				t.Fatalf("approval is %s, %v", a.Status, err)
			}
			if i := incidentOf(t, st); i.Phase != record.Acted || !strings.Contains(fmt.Sprint(i.Timeline), "anyway") {
				t.Errorf("incident is %s: %v", i.Phase, i.Timeline)
			}
		})
	}
}
