package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/followup"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/plan"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

const (
	// followUpWithin bounds what a follow-up asks of history: what is not answered by then is named.
	followUpWithin = 45 * time.Second
	// followUpBack is how far back releases are looked for, and mostBefore how many of them are counted.
	followUpBack = 14 * 24 * time.Hour
	mostBefore   = 8
	// leastRelease is the finest step in which they are looked for.
	leastRelease = 15 * time.Second
)

// FollowUp is what comes after an incident: as it was kept when the incident ended, else made now.
func (e *Engine) FollowUp(ctx context.Context, inc record.Incident) (view.FollowUp, error) {
	out := view.FollowUp{Incident: inc.ID, Files: map[string]string{}}
	for _, name := range followup.Names() {
		text, err := e.archive.Read(inc, name)
		switch {
		case err == nil:
			out.Kept, out.Files[name] = inc.Evidence, string(text)
		case !errors.Is(err, fs.ErrNotExist):
			return out, err
		}
	}
	if len(out.Files) > 0 {
		return out, nil
	}
	svc, err := e.serves(Target{inc.Service, inc.Region})
	if err != nil {
		return out, err
	}
	rel, err := e.Release(ctx, inc.Service, inc.Region)
	if err != nil {
		return out, err
	}
	files, err := e.followUp(ctx, svc, inc, rel)
	for name, text := range files {
		out.Files[name] = string(text)
	}
	return out, err
}

// keepFollowUp captures it beside the evidence. Whatever it fails at does not keep the folder from being
// sealed: it can be made later.
func (e *Engine) keepFollowUp(ctx context.Context, inc record.Incident, s lifecycle.State) {
	svc, err := e.serves(Target{inc.Service, inc.Region})
	if err != nil {
		return // its runbook was taken away
	}
	files, err := e.followUp(ctx, svc.with(s.Runbook), inc, *s.Release)
	if err == nil && ctx.Err() == nil {
		_, err = e.archive.Capture(inc, audit.FollowUp, files)
	}
	if err != nil && ctx.Err() == nil {
		e.metrics.problems.WithLabelValues("evidence").Inc()
		e.log.Warn("keep follow-up", zap.String("incident", inc.ID), zap.Error(err))
	}
}

// with is the service as another form of its runbook has it.
func (s service) with(rb *runbook.Runbook) service {
	s.rb = rb
	return s
}

// followUp makes the files. newest is the target's newest release.
func (e *Engine) followUp(ctx context.Context, svc service, inc record.Incident, newest record.Release) (map[string][]byte, error) {
	within, cancel := context.WithTimeout(ctx, followUpWithin)
	defer cancel()
	c := followup.Case{Incident: inc, Runbook: svc.rb, Release: newest, From: inc.OpenedAt.Add(-followUpBack), To: inc.OpenedAt}
	c.Least = max(leastRelease, followUpBack/10_000)
	all, unknown := e.releasesBefore(within, c)
	c.Unknown = strings.Join(unknown, "; ")
	if newest.ID != inc.Release {
		c.Release = record.Release{ID: inc.Release}
		for _, p := range all {
			if p.ID == inc.Release {
				c.Release = p.Release
			}
		}
	}
	c.Before = followup.Over(all, inc.Release, inc.OpenedAt, mostBefore)
	e.rolledBack(c.Before)
	draft := followup.Search(within, c, e.recountSteps)
	traffic := plan.Traffic{}
	if answers, err := e.prom.Traffic(within, svc.ask); err == nil {
		traffic = plan.TrafficFrom(svc.rb, answers, "Prometheus")
	}
	return followup.Files(inc, svc.rb, draft, followup.SaferRamp(svc.rb, inc, followup.At(traffic, inc.Breach)))
}

// recountSteps is a [followup.History].
func (e *Engine) recountSteps(ctx context.Context, rb *runbook.Runbook, rel record.Release, until time.Time, f func(monitor.Step)) error {
	if rel.Began().IsZero() {
		return errors.New("nothing is known of it any more")
	}
	return e.monitor.History(ctx, monitor.Target{Runbook: rb, Release: rel}, until, func(s monitor.Step, _ map[string]analysis.Result) { f(s) })
}

// releasesBefore are the releases of the case's target that were open in its time, as Prometheus has
// kept their shares; and why some are not known.
func (e *Engine) releasesBefore(ctx context.Context, c followup.Case) ([]followup.Past, []string) {
	service, region := c.Incident.Service, c.Incident.Region
	found, err := e.prom.Weights(ctx, service, region, "", c.From, c.To, c.Least)
	if err != nil {
		return nil, []string{"releases before: " + err.Error()}
	}
	coarse, unknown := followup.Releases(found, service, region)
	var all []followup.Past
	for n, p := range coarse {
		if n > mostBefore { // the incident's own among them
			break
		}
		exact, err := e.prom.Weights(ctx, service, region, p.ID, p.StartedAt.Add(-c.Least), p.Until.Add(c.Least), c.Runbook.Metrics.Step().Std())
		if err != nil {
			unknown = append(unknown, fmt.Sprintf("release %s: %v", p.ID, err))
			continue
		}
		one, _ := followup.Releases(exact, service, region)
		all = append(all, one...)
	}
	return all, unknown
}

// rolledBack marks the releases of which an incident says that they were.
func (e *Engine) rolledBack(all []followup.Past) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, inc := range e.incidents {
		for n := range all {
			if all[n].ID == inc.Release && !inc.ActedAt.IsZero() {
				all[n].RolledBack = true
			}
		}
	}
}
