package runbook

import "fmt"

// checkSticky refuses a KPI that would move traffic alone. With sticky routing a user's requests
// all fall on one side, so they are not as many trials as they look, and their statistic proves
// more than there is.
func (r *Runbook) checkSticky(p *decoder) {
	for i, t := range r.Triggers {
		if r.Routing.Sticky && t.Type == KPIDrop && t.Severity == Severe {
			p.add(fmt.Sprintf("triggers[%d].severity", i), "severe, and routing.sticky makes the user the unit: trials of one user are counted as if they were many users'",
				"write `severity: mild`: a human decides, until KPIs are counted per user")
		}
	}
}

// StickyGap says why the router cannot keep users on their side although the runbook asks for
// it; empty: it can, or need not.
func (o Routing) StickyGap() string {
	if !o.Sticky {
		return ""
	}
	return routerKinds[o.Router].unsticky
}

// StickyKPIs names the triggers on KPIs whose unit would be the user.
func (r *Runbook) StickyKPIs() []string {
	var names []string
	for _, t := range r.Triggers {
		if r.Routing.Sticky && t.Type == KPIDrop {
			names = append(names, t.Name)
		}
	}
	return names
}
