// Package holds keeps the images of a rollback, the bad one and the stable one, from the garbage collection
// of their registry: it has the helper program give each a tag, see package keeper.
//
// It never delays a rollback, which is committed before, never deletes a tag, and never says that an image
// is held of which the registry has not said so.
package holds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/keeper"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// Records are the incidents and bundles of all regions.
type Records interface {
	// Incidents are those that are asked for, newest first, without their history.
	Incidents(ctx context.Context, q view.IncidentQuery) (view.IncidentPage, error)
	// BundleOf is what a side of an incident served.
	BundleOf(ctx context.Context, inc record.Incident, digest string) (runbook.Bundle, error)
	// Held keeps a hold in an incident.
	Held(ctx context.Context, inc record.Incident, h record.ImageHold) error
}

// A Helper does one task; see [keeper.Program].
type Helper interface {
	Do(ctx context.Context, q keeper.Request) (keeper.Answer, error)
}

// A Holder holds the images of rollbacks.
type Holder struct {
	records  Records
	helper   Helper
	log      *zap.Logger
	every    time.Duration
	failures prometheus.Counter

	mu     sync.Mutex
	stand  view.Holds
	failed map[string]attempts // by incident
}

type attempts struct {
	n    int
	next time.Time
}

// New makes a holder, which does nothing where it is not on.
func New(records Records, helper Helper, reg prometheus.Registerer, log *zap.Logger, every time.Duration, on bool) *Holder {
	h := &Holder{records: records, helper: helper, log: log, every: max(every, time.Millisecond), failed: map[string]attempts{}, stand: view.Holds{On: on}}
	auto := promauto.With(reg)
	h.failures = auto.NewCounter(prometheus.CounterOpts{Name: "autorollback_image_hold_failures_total", Help: "Attempts to hold an image of a rollback in its registry that failed; they are tried again."})
	auto.NewGaugeFunc(prometheus.GaugeOpts{Name: "autorollback_images_unheld", Help: "Incidents with an image that is not held in its registry, where images are held."},
		func() float64 { return float64(h.Stand().Waiting) })
	return h
}

// Stand is how it stands.
func (h *Holder) Stand() view.Holds {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stand
}

// Run holds images until ctx ends.
func (h *Holder) Run(ctx context.Context) error {
	if !h.Stand().On {
		return nil
	}
	t := time.NewTicker(h.every)
	defer t.Stop()
	for {
		h.turn(ctx, time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

const (
	// mostListed is how many incidents are looked at.
	mostListed = 20_000
	// heldFor is how old a rollback may be whose images are still to be held.
	heldFor = 7 * 24 * time.Hour
	// An attempt that failed is followed by the next after the first pause, which doubles until the longest.
	firstPause   = 5 * time.Second
	longestPause = 10 * time.Minute
)

// turn holds what is not held, of rollbacks that are not older than heldFor.
func (h *Holder) turn(ctx context.Context, now time.Time) {
	p, err := h.records.Incidents(ctx, view.IncidentQuery{Limit: mostListed})
	if err != nil {
		h.note(func(s *view.Holds) { s.Problem = err.Error() })
		return
	}
	waiting, problem := 0, ""
	for _, inc := range p.Incidents {
		if inc.ActedAt.IsZero() || now.Sub(inc.ActedAt) > heldFor || len(inc.Holds) >= len(sidesOf(inc)) {
			continue
		}
		if h.failed[inc.ID].next.After(now) {
			waiting++
			continue
		}
		err := h.hold(ctx, inc)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			delete(h.failed, inc.ID)
			continue
		}
		waiting, problem = waiting+1, record.Truncate(inc.ID+": "+err.Error(), record.MaxLine)
		was := h.failed[inc.ID]
		pause := min(firstPause<<min(was.n, 10), longestPause)
		h.failed[inc.ID] = attempts{was.n + 1, now.Add(pause)}
		h.failures.Inc()
		h.log.Warn("hold images", zap.String("incident", inc.ID), zap.Duration("again_in", pause), zap.Error(err))
	}
	h.note(func(s *view.Holds) {
		s.Waiting = waiting
		if problem != "" || waiting == 0 {
			s.Problem = problem
		}
	})
}

// sidesOf are the two sides of an incident.
func sidesOf(inc record.Incident) map[string]record.Side {
	return map[string]record.Side{"candidate": inc.Candidate, "stable": inc.Stable}
}

// hold holds those images of an incident that are not held yet.
func (h *Holder) hold(ctx context.Context, inc record.Incident) error {
	var errs []error
	for role, side := range sidesOf(inc) {
		if slices.ContainsFunc(inc.Holds, func(had record.ImageHold) bool { return had.Role == role }) {
			continue
		}
		if err := h.holdSide(ctx, inc, role, side); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", role, err))
		}
	}
	return errors.Join(errs...)
}

func (h *Holder) holdSide(ctx context.Context, inc record.Incident, role string, side record.Side) error {
	b, err := h.records.BundleOf(ctx, inc, side.Bundle)
	if err != nil {
		return err
	}
	tag := tagOf(inc.ID, b.Model.Image)
	if _, err := h.helper.Do(ctx, keeper.Request{Task: keeper.HoldImage, Image: b.Model.Image, Tag: tag}); err != nil {
		return err
	}
	repository, _, _ := strings.Cut(b.Model.Image, "@")
	return h.records.Held(ctx, inc, record.ImageHold{At: time.Now().UTC(), Role: role, Image: b.Model.Image, Tag: repository + ":" + tag})
}

// tagOf is the tag of an image of an incident: two of one repository have two.
func tagOf(id, image string) string {
	_, hex, _ := strings.Cut(image, "@sha256:")
	return "autorollback-" + id + "-" + hex[:min(len(hex), 12)]
}

func (h *Holder) note(change func(*view.Holds)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(&h.stand)
}
