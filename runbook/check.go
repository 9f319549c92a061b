package runbook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const shiftTraffic = "shift_traffic"

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

const mendName = "use lower-case letters, digits and dashes, 63 at most, not starting with a dash"

// check notes everything that is wrong with a runbook whose defaults are filled in.
func (r *Runbook) check(p *page) {
	p.schema(r.Schema)
	p.name("service", r.Service)
	r.checkRegions(p)
	p.need("owner.team", r.Owner.Team, "name the team that answers for the service")
	p.need("owner.contact", r.Owner.Contact, "say where a human is reached at night, in quotes, e.g. \"#ranking-oncall\"")
	r.Metrics.check(p)
	r.checkTriggers(p)
	r.Routing.check(p)
	r.checkRollback(p)
	r.checkPolicy(p)
	r.checkRollout(p)
	r.Shadow.check(p)
	r.checkVerification(p)
	for name := range r.Communication.Labels {
		p.label("communication.labels."+name, name)
	}
	for i, q := range r.Evidence.Queries {
		p.query(fmt.Sprintf("evidence.queries[%d]", i), q)
	}
}

func (r *Runbook) checkRegions(p *page) {
	if len(r.Regions) == 0 {
		p.add("regions", "is empty", "leave it out, or name a region")
	}
	for i, region := range r.Regions {
		at := fmt.Sprintf("regions[%d]", i)
		p.name(at, region)
		if slices.Index(r.Regions, region) < i {
			p.add(at, fmt.Sprintf("%q is named twice", region), "keep one of the two")
		}
	}
	if len(r.Regions) > 1 && r.Metrics.RegionLabel == "" {
		p.missing("metrics.region_label", "name the label that holds the region: with two or more regions the rules must tell them apart")
	}
}

func (r *Runbook) checkRollback(p *page) {
	p.oneOf("rollback.action", r.Rollback.Action, shiftTraffic)
	if !r.Rollback.Quarantine {
		p.add("rollback.quarantine", "must be true", "leave it out; a bundle that was rolled back is lifted by name with `autorollback release lift`")
	}
	p.atLeast("last_known_good.min_pods", r.LastKnownGood.MinPods, 1)
	if p.has("last_known_good.max_age") {
		p.positive("last_known_good.max_age", r.LastKnownGood.MaxAge)
	}
	if r.LastKnownGood.Health != "" {
		p.metric("last_known_good.health", r.LastKnownGood.Health, "")
	}
}

func (p *page) schema(n int) {
	if !p.has("schema") {
		p.missing("schema", "write `schema: 1` at the top")
	} else if n != Schema {
		p.add("schema", fmt.Sprintf("%d is not known to this program", n), "write `schema: 1`, or use a newer autorollback")
	}
}

func (p *page) need(path, value, mend string) {
	if strings.TrimSpace(value) == "" {
		p.missing(path, mend)
	}
}

func (p *page) name(path, value string) {
	if value == "" {
		p.missing(path, mendName)
	} else if !namePattern.MatchString(value) {
		p.add(path, fmt.Sprintf("%q is not a name", value), mendName)
	}
}

func (p *page) oneOf(path, value string, known ...string) {
	mend := "write one of " + strings.Join(known, ", ")
	if len(known) == 1 {
		mend = "write " + known[0]
	}
	switch near := nearest(value, known); {
	case slices.Contains(known, value):
	case value == "":
		p.missing(path, mend)
	case near != "":
		p.add(path, fmt.Sprintf("%q is unknown", value), fmt.Sprintf("did you mean %q?", near))
	default:
		p.add(path, fmt.Sprintf("%q is unknown", value), mend)
	}
}

func (p *page) atLeast(path string, n, least int) {
	if n < least {
		p.add(path, fmt.Sprintf("%d is too small", n), fmt.Sprintf("write %d or more", least))
	}
}

func (p *page) positive(path string, d Duration) {
	if d <= 0 {
		p.add(path, "must be longer than 0", "write a duration such as 5m")
	}
}
