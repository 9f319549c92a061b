package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

const (
	// askedBack is how far back the triggers that compare nothing are asked of Prometheus.
	askedBack = time.Hour
	// countedWithin bounds how long a page waits for curves that are counted anew.
	countedWithin = 10 * time.Second
)

// Curves are the levels of the target's open release over time, against their limits: of every
// trigger that has a number, and of the recovery questions of its incident.
func (e *Engine) Curves(ctx context.Context, service, region string) ([]record.Curve, error) {
	target := e.targetIn(service, region)
	rel, err := e.Release(ctx, service, region)
	if err != nil {
		return nil, err
	}
	svc, err := e.serves(target)
	if err != nil {
		return nil, err
	}
	var curves []record.Curve
	if rel.Phase == record.Open {
		curves, _ = e.monitor.Curves(rel.ID)
		curves = append(slices.Clip(curves), e.asked.get(rel.ID, func([]record.Curve) bool { return true }, func() []record.Curve {
			return e.uncounted(ctx, svc, rel, time.Now().UTC())
		})...)
	}
	if rel.Incident == "" {
		return curves, nil
	}
	inc, err := e.Incident(ctx, rel.Incident)
	if err != nil {
		return curves, err
	}
	return append(curves, inc.Levels...), nil
}

// IncidentCurves are the levels over time that belong to an incident: those in its evidence, as
// long as there are none what this process counted, else counted anew from Prometheus' history. An
// error says why there are none, or why some are missing.
func (e *Engine) IncidentCurves(ctx context.Context, inc record.Incident) ([]record.Curve, error) {
	text, err := e.archive.Read(inc, record.CurvesName)
	switch {
	case err == nil && !inc.EvidenceAt.IsZero():
		var kept []record.Curve
		if err = json.Unmarshal(text, &kept); err != nil {
			return inc.Levels, fmt.Errorf("read curves of %s: %w", inc.ID, err)
		}
		return kept, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return inc.Levels, err // altered evidence is not drawn
	}
	if counted, ok := e.monitor.Curves(inc.Release); ok && inc.EvidenceAt.IsZero() {
		return append(slices.Clip(counted), inc.Levels...), nil
	}
	again := e.recounted.get(inc.ID+inc.EvidenceDigest, func(r recounted) bool { return r.err == nil }, func() (r recounted) {
		r.curves, r.err = e.recount(ctx, inc)
		return r
	})
	return append(slices.Clip(again.curves), inc.Levels...), again.err
}

// recounted is what counting an incident's curves anew came to.
type recounted struct {
	curves []record.Curve
	err    error
}

// recount asks Prometheus for what is in the evidence of another replica.
func (e *Engine) recount(ctx context.Context, inc record.Incident) ([]record.Curve, error) {
	rel, err := e.Release(ctx, inc.Service, inc.Region)
	if err != nil {
		return nil, err
	}
	svc, err := e.serves(Target{inc.Service, inc.Region})
	switch {
	case err != nil:
		return nil, err
	case rel.ID != inc.Release:
		return nil, fmt.Errorf("the curves of %s are in its evidence, %s, which is not on this replica; %s is over", inc.ID, inc.Evidence, inc.Release)
	}
	ctx, cancel := context.WithTimeout(ctx, countedWithin)
	defer cancel()
	_, curves, err := e.count(ctx, svc, rel, time.Time{}, curvesEnd(inc))
	return curves, err
}

// curvesEnd is until when an incident's curves go on.
func curvesEnd(inc record.Incident) time.Time {
	now := time.Now().UTC()
	if v := inc.Verdict; v != nil && v.At.Before(now) {
		return v.At
	}
	return now
}

// count counts a release anew: the counts until one moment, the curves of all triggers until
// another.
func (e *Engine) count(ctx context.Context, svc service, rel record.Release, until, through time.Time) ([]byte, []record.Curve, error) {
	counts, curves, err := e.monitor.Record(ctx, monitor.Target{Runbook: svc.rb, Release: rel}, until, through)
	if err != nil {
		for n := range curves {
			curves[n].Problem = err.Error()
		}
	}
	return counts, append(curves, e.uncounted(ctx, svc, rel, through)...), err
}

// uncounted are the curves of the triggers that compare nothing: Prometheus is asked for the very
// number that their limit is for.
func (e *Engine) uncounted(ctx context.Context, svc service, rel record.Release, through time.Time) []record.Curve {
	from, step := rel.Began(), svc.rb.Metrics.Step().Std()
	if oldest := through.Add(-askedBack); from.Before(oldest) {
		from = oldest
	}
	from, through = from.Truncate(step), through.Truncate(step)
	var out []record.Curve
	for _, t := range svc.rb.Triggers {
		if !t.Comparative() && t.Type != runbook.Anomaly && from.Before(through) {
			out = append(out, e.askCurve(ctx, svc, t, rel, from, through))
		}
	}
	return out
}

func (e *Engine) askCurve(ctx context.Context, svc service, t runbook.Trigger, rel record.Release, from, through time.Time) record.Curve {
	c, total := monitor.CurveOf(svc.rb, t), svc.rb.Measured(t).Total
	expr, err := svc.ask.Effect(t.Name, rel)
	if err == nil {
		err = e.addLevels(ctx, &c, expr, t, total, from, through)
	}
	if err != nil {
		c.Problem = err.Error()
	}
	return c
}

func (e *Engine) addLevels(ctx context.Context, c *record.Curve, expr rules.Expr, t runbook.Trigger, total bool, from, through time.Time) error {
	levels, err := e.prom.Levels(ctx, expr.String(), from, through, c.Every.Std())
	for _, l := range levels {
		s := record.Unsampled(l.Timestamp.Time().UTC())
		s.Limit = record.NumberOf(t.LimitAt(0))
		if total {
			s.Total = record.NumberOf(float64(l.Value))
		} else {
			s.Candidate = record.NumberOf(float64(l.Value))
		}
		c.Samples = append(c.Samples, s)
	}
	return err
}
