package regions

import (
	"context"
	"errors"
	"slices"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
)

// Alerts hands each alert to the region that it names, or to all that have the service. It returns
// nil once the outcome of every alert is committed. A region that cannot commit keeps no other
// from it.
func (s *Set) Alerts(ctx context.Context, alerts []record.Alert) error {
	each := make([][]record.Alert, len(s.members))
	for _, a := range alerts {
		to := s.concerned(a)
		if len(to) == 0 {
			s.log.Warn("a watchdog without a region proves nothing about any region: generate each region's rules with --region, or give its Prometheus the external label region",
				zap.String("trigger", a.Trigger))
			s.LeftOut([]record.Alert{a}, record.UnknownRegion)
		}
		for _, n := range to {
			each[n] = append(each[n], a)
		}
	}
	errs := make([]error, len(s.members))
	var g errgroup.Group
	for n, m := range s.members {
		if len(each[n]) > 0 {
			g.Go(func() error { errs[n] = m.Engine.Alerts(ctx, each[n]); return nil })
		}
	}
	_ = g.Wait() // errs has what went wrong
	return errors.Join(errs...)
}

// LeftOut accounts for alerts that could not be passed on.
func (s *Set) LeftOut(alerts []record.Alert, o record.AlertOutcome) {
	s.members[0].Engine.LeftOut(alerts, o)
}

// concerned are the members that an alert is for. A watchdog without a region is for none where
// regions have a Prometheus each: it would hide that another region's is silent.
func (s *Set) concerned(a record.Alert) []int {
	var all, served []int
	for n, m := range s.members {
		if m.Region == a.Region && a.Region != "" {
			return []int{n}
		}
		all = append(all, n)
		if _, ok := m.Engine.Runbook(a.Service); ok {
			served = append(served, n)
		}
	}
	switch {
	case len(all) == 1 || a.Trigger == rules.DoctorTrigger:
		return all
	case a.Trigger == rules.WatchdogTrigger && a.Firing:
		if s.onePrometheus() {
			return all
		}
		return nil
	case len(served) == 0 || a.Region != "":
		return all[:1] // whose engine says what is wrong with it
	}
	return served
}

func (s *Set) onePrometheus() bool {
	return !slices.ContainsFunc(s.members, func(m Member) bool { return m.Prometheus != s.members[0].Prometheus })
}
