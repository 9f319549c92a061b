package holds

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/keeper"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

var acted = time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)

// A world is one incident, two bundles, and a helper that does what it is told.
type world struct {
	inc    record.Incident
	refuse string // the image that the registry does not take
	tasks  []keeper.Request
}

func (w *world) Incidents(context.Context, view.IncidentQuery) (view.IncidentPage, error) {
	return view.IncidentPage{Incidents: []record.Incident{w.inc.Brief()}}, nil
}

func (w *world) BundleOf(_ context.Context, _ record.Incident, digest string) (b runbook.Bundle, err error) {
	b.Model.Image = "registry.example.com/ranker@sha256:" + strings.Repeat(digest, 64)
	return b, nil
}

func (w *world) Held(_ context.Context, _ record.Incident, h record.ImageHold) error {
	w.inc.Holds = append(w.inc.Holds, h)
	return nil
}

func (w *world) Do(_ context.Context, q keeper.Request) (keeper.Answer, error) {
	w.tasks = append(w.tasks, q)
	if w.refuse != "" && strings.Contains(q.Image, w.refuse) {
		return keeper.Answer{}, errors.New("denied")
	}
	return keeper.Answer{Found: true}, nil
}

func holderOf(acted time.Time) (*Holder, *world) {
	w := &world{inc: record.Incident{ID: "inc-1", ActedAt: acted, Stable: record.Side{Bundle: "1"}, Candidate: record.Side{Bundle: "2"}}}
	return New(w, w, prometheus.NewRegistry(), zap.NewNop(), time.Second, true), w
}

// Both images of a rollback are held, each by a tag of its own, and once.
func TestBothImagesAreHeld(t *testing.T) {
	h, w := holderOf(acted)
	for range 2 {
		h.turn(t.Context(), acted.Add(time.Second))
	}
	var held []string
	for _, one := range w.inc.Holds {
		held = append(held, one.Role+" "+one.Tag)
	}
	slices.Sort(held)
	want := []string{"candidate registry.example.com/ranker:autorollback-inc-1-222222222222", "stable registry.example.com/ranker:autorollback-inc-1-111111111111"}
	if !slices.Equal(held, want) || len(w.tasks) != 2 || h.Stand() != (view.Holds{On: true}) {
		t.Errorf("held %q by %+v; %+v", held, w.tasks, h.Stand())
	}
}

// What the registry does not take is tried again, and the other image is held meanwhile.
func TestOneIsRefused(t *testing.T) {
	h, w := holderOf(acted)
	w.refuse = "@sha256:2"
	for _, c := range []struct {
		at           time.Duration
		tasks, holds int
	}{{0, 2, 1}, {4 * time.Second, 2, 1}, {6 * time.Second, 3, 1}} {
		h.turn(t.Context(), acted.Add(c.at))
		if len(w.tasks) != c.tasks || len(w.inc.Holds) != c.holds || !strings.Contains(h.Stand().Says(), "candidate: denied") {
			t.Errorf("after %s: %d tasks, %+v, %q", c.at, len(w.tasks), w.inc.Holds, h.Stand().Says())
		}
	}
	w.refuse = ""
	h.turn(t.Context(), acted.Add(time.Minute))
	if len(w.inc.Holds) != 2 || h.Stand().Says() != "" || testutil.ToFloat64(h.failures) != 2 {
		t.Errorf("in the end: %+v, %q", w.inc.Holds, h.Stand().Says())
	}
}

// Where nothing was rolled back, or long ago, nothing is held.
func TestNothingToHold(t *testing.T) {
	for _, at := range []time.Time{{}, acted.Add(-heldFor - time.Second)} {
		h, w := holderOf(at)
		if h.turn(t.Context(), acted); len(w.tasks) > 0 || h.Stand().Waiting > 0 {
			t.Errorf("acted at %s: %+v", at, w.tasks)
		}
	}
}
