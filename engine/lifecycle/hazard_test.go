package lifecycle

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

// What makes the router ignore a change keeps a release from starting, never keeps a
// rollback from being written, and pages then.
func TestHazards(t *testing.T) {
	p := playOf(t, "page")
	p.s.Hazards = []string{"a typo"}
	if _, err := p.step(Launched{Launch: fixture.Launch(t), By: fixture.By("ann")}); !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), "a typo") {
		t.Errorf("launch: %v, want it refused with the hazard", err)
	}
	p.s.Hazards = nil
	p.launch()
	p.s.Hazards = []string{"a typo"}
	s := p.must(Demanded{By: fixture.By("ann"), Reason: "users complain"})
	if !s.Write.Shift || s.Incident.Phase != record.Acted {
		t.Errorf("phase %s, shift %v: a hazard kept a rollback from being written", s.Incident.Phase, s.Write.Shift)
	}
	if !fixture.Noted(s.Incident, "hazard") {
		t.Error("the timeline does not name the hazard")
	}
	if !slices.ContainsFunc(s.Write.Messages, func(m record.Message) bool {
		return m.Kind == report.KindHazard && m.Page && strings.Contains(m.Text, "a typo")
	}) {
		t.Errorf("nobody was paged: %+v", s.Write.Messages)
	}
}
