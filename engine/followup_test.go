package engine

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/fixture"
)

// Once an incident ends its follow-up is in the evidence, and who asks later gets that one.
func TestFollowUpIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &folder{stages: map[string]map[string][]byte{}}
		e, st, f := solo(t, func(p *Parts) { p.Archive = kept })
		f.breaking["errors"] = true
		must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
		early, err := e.FollowUp(t.Context(), incidentOf(t, st))
		if err != nil || early.Kept != "" || !strings.Contains(early.Files["review.md"], "## Root cause") {
			t.Errorf("before it is over: %+v, %v", early, err)
		}
		f.set(func(f *facts) { f.traffic = 0 })
		runs(t, e, 5*time.Minute)
		inc := incidentOf(t, st)
		review := string(kept.stages["followup"]["review.md"])
		if inc.Phase != record.Done || !kept.sealed || !strings.Contains(review, "12") || !strings.Contains(review, "recovered") {
			t.Fatalf("incident is %s, sealed: %v, with the review\n%s", inc.Phase, kept.sealed, review)
		}
		kept.stages["followup"]["review.md"] = []byte("as it was kept")
		late, err := e.FollowUp(t.Context(), inc)
		if err != nil || late.Kept != inc.Evidence || late.Files["review.md"] != "as it was kept" {
			t.Errorf("afterwards: %+v, %v", late, err)
		}
	})
}
