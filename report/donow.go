package report

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// DoNow says what somebody is to do about an incident as it stands, in order: sentences without a full
// stop, each command in them complete. Where there is nothing to do, the only one begins with "nothing".
func DoNow(inc record.Incident, rb *runbook.Runbook, o Options) []string {
	t := told{inc: inc, rb: rb, o: o}
	return append(t.partial(), situationOf(inc).todo(t)...)
}

// calm reports whether nothing is to be done.
func calm(items []string) bool { return len(items) == 1 && strings.HasPrefix(items[0], "nothing") }

// partial is what the rollback has not reached.
func (t told) partial() (items []string) {
	if !hasActed(t.inc) {
		return nil
	}
	if names := behind(t.inc); names != "" {
		items = append(items, names+". Restart, or take out of service")
	}
	for _, g := range t.inc.Stragglers {
		if g.DoneAt.IsZero() {
			items = append(items, fmt.Sprintf("look at region %s, which may still have %s; to roll it back as well: autorollback rollback %s --region %s --reason WHY",
				g.Region, t.from(), t.inc.Service, g.Region))
		}
	}
	return items
}

// target names the release as the command line takes it.
func (t told) target() string {
	if t.rb != nil {
		return t.rb.Named(t.inc.Region)
	}
	if t.inc.Region == "" || t.inc.Region == runbook.DefaultRegion {
		return t.inc.Service
	}
	return t.inc.Service + " --region " + t.inc.Region
}

func (t told) resume() string { return "autorollback release resume " + t.target() + " --reason WHY" }

// chosen are the choices that the decision gave.
func chosen(t told) []string {
	if c := t.inc.Decision.Choices; len(c) > 0 {
		return c
	}
	if wrong := verdictIs(record.WrongCause); wrong(t.inc) || unhealthyBoth(t.inc) {
		return lookOutside(t)
	}
	if t.inc.Phase == record.HeldPhase || t.inc.Phase == record.Frozen {
		return []string{"look at the service; then let the release continue: " + t.resume()}
	}
	return lookAtService(t)
}

// answerIt is how to answer the question that waits, and what silence does.
func answerIt(t told) []string {
	a := t.o.Approval
	if t.inc.Approval == "" || a != nil && a.Status != record.Pending {
		return []string{"nothing: the question is over, and the trigger is checked once more"}
	}
	until := ""
	if a != nil {
		until = " before " + clock(a.ExpiresAt)
	}
	id, service := t.inc.Approval, t.inc.Service
	items := []string{fmt.Sprintf("approve or reject%s: the link in the message, or autorollback approve %s --service %s, or autorollback reject %s --service %s --reason WHY", until, id, service, id, service)}
	for _, c := range t.inc.Decision.Choices {
		if c != "approve the rollback" && c != "reject it and keep the split" { // the first item says how
			items = append(items, c)
		}
	}
	return items
}

// wait is while recovery is shown.
func wait(t told) []string {
	if len(t.partial()) > 0 {
		return nil
	}
	return []string{"nothing yet: recovery is checked automatically" + verdictBy(t.inc)}
}

func over(t told) []string {
	if len(t.partial()) > 0 {
		return nil
	}
	if wasRejected(t.inc) {
		return []string{"nothing: the release continues; another trigger that is severe still rolls it back"}
	}
	return []string{"nothing: it is over"}
}

// cutOff is where requests still reach a candidate that was rolled back.
func cutOff(t told) []string {
	return []string{"look whether the router follows the store: autorollback release status " + t.inc.Service,
		"take " + t.from() + " out of the router by hand"}
}

func lookOnward(t told) []string {
	return []string{fmt.Sprintf("look for another cause, and escalate: all traffic is on %s, and users are still hurt", t.to()), t.whom()}
}

func lookForBusiness(t told) []string {
	return []string{"look for another cause, and escalate: requests are answered as before, and business is not", t.whom()}
}

func lookOutside(t told) []string {
	return []string{"look outside the release: dependencies, data, the platform, since " + t.to() + " is unhealthy as well", t.whom()}
}

func findData(t told) []string {
	return []string{"look at the service yourself: the verdict on the incident's page says what could not be told, and why", t.whom()}
}

func lookAtBusiness(t told) []string {
	return []string{"look at the business metrics yourself: they had too little data for a day"}
}

func lookAtService(t told) []string {
	return []string{"look at the service, and decide by hand: autorollback release status " + t.inc.Service}
}

// whom names who owns the service.
func (t told) whom() string {
	if who := strings.TrimPrefix(owner(t.rb), "Owner: "); who != "" {
		return "call " + who
	}
	return "find out who owns the service: its runbook names nobody"
}
