package program

import (
	"fmt"
	"slices"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// ofService is what a status says of one service, and of the whole installation.
func ofService(st view.Status, service string) (view.Status, error) {
	st.Releases = only(st.Releases, service, func(r record.Release) string { return r.Service })
	st.Rules = only(st.Rules, service, func(r record.RulesCheck) string { return r.Service })
	if len(st.Releases) == 0 && len(st.Rules) == 0 {
		return st, fmt.Errorf("service %s: %w: the daemon has no runbook of it", service, runbook.ErrNotFound)
	}
	st.Incidents = only(st.Incidents, service, func(i record.Incident) string { return i.Service })
	st.Approvals = only(st.Approvals, service, func(a record.Approval) string { return a.Service })
	st.Quarantine = only(st.Quarantine, service, func(q record.Quarantine) string { return q.Service })
	st.Shadow = only(st.Shadow, service, func(v record.ShadowVerdict) string { return v.Service })
	st.Mirrors = only(st.Mirrors, service, func(m record.Mirror) string { return m.Service })
	st.Alerts = only(st.Alerts, service, func(a record.AlertResult) string { return a.Service })
	st.Behind = only(st.Behind, service, func(b record.Behind) string { return b.Service })
	st.Progress = only(st.Progress, service, func(p view.Progress) string { return p.Service })
	st.Waiting = slices.DeleteFunc(slices.Clone(st.Waiting), func(w record.WaitingOrder) bool { return w.Service != service && w.Service != "" })
	return st, nil
}

func only[T any](all []T, service string, of func(T) string) []T {
	found := []T{}
	for _, one := range all {
		if of(one) == service {
			found = append(found, one)
		}
	}
	return found
}
