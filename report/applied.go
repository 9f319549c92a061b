package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The kinds of messages about single instances of the router. They end with the instance
// and not with an incident, which may be over before.
const (
	KindInstanceNotApplied = "instance_not_applied"
	KindInstanceApplied    = "instance_applied"
)

// InstanceNotAppliedMsg pages: the split stands in the store, and these instances of the
// router do not serve it. id tells it from others of the same change.
func InstanceNotAppliedMsg(rel record.Release, rb *runbook.Runbook, late []record.RouterInstance, id string, now time.Time) record.Message {
	var lines []string
	for n, i := range late {
		if n == 8 {
			lines = append(lines, fmt.Sprintf("… and %d more", len(late)-n))
			break
		}
		lines = append(lines, "- "+plain(bare(i.Address), 120)+": "+plain(i.Problem, 200))
	}
	what, means := fmt.Sprintf("%s is not at %v %% everywhere", word(rel.Candidate.Version), rel.Weight),
		"Promotion waits: a rollback would not reach them either."
	if rel.Phase == record.RolledBack {
		what, means = "rolled back, but not everywhere", "Their users may still get "+word(rel.Candidate.Version)+"."
	}
	m := rampMessage(rel, KindInstanceNotApplied, "-"+id, now,
		fmt.Sprintf("%s: %s: %s", rel.Service, what, left(late)),
		strings.Join(lines, "\n"),
		fmt.Sprintf("In the store since %s, and wanted: %s. %s", clock(rel.Applied.WrittenAt), plain(rel.Want().String(), 300), means),
		todo("look whether they read the store; restart them, or take them out of service."), owner(rb))
	m.Page = true
	if rel.Phase == record.RolledBack {
		m.Incident = rel.Incident
	}
	return m
}

// left says whether the instances have not followed at all, or do no more.
func left(late []record.RouterInstance) string {
	if slices.ContainsFunc(late, func(i record.RouterInstance) bool { return i.LeftAt.IsZero() }) {
		return instances(len(late), "does not follow", "do not follow")
	}
	return instances(len(late), "fell back", "fell back")
}

// InstanceAppliedMsg says that instances which people were told of follow after all.
func InstanceAppliedMsg(rel record.Release, rb *runbook.Runbook, back []record.RouterInstance, id string, now time.Time) record.Message {
	var lines []string
	for _, i := range back {
		if !i.LeftAt.IsZero() {
			lines = append(lines, fmt.Sprintf("- %s, after %s with another split", plain(bare(i.Address), 120), span(now.Sub(i.LeftAt))))
			continue
		}
		lines = append(lines, fmt.Sprintf("- %s, %s after it was written", plain(bare(i.Address), 120), span(i.AppliedAt.Sub(rel.Applied.WrittenAt))))
	}
	rest, ends := "Every instance serves it now.", []string{KindInstanceNotApplied}
	if n := len(rel.Applied.Late()); n > 0 {
		rest = upper(instances(n, "still does not follow", "still do not follow")) + "."
		ends = nil
	}
	m := rampMessage(rel, KindInstanceApplied, "-"+id, now,
		fmt.Sprintf("%s: %s", rel.Service, instances(len(back), "follows now", "follow now")),
		strings.Join(lines, "\n"), fmt.Sprintf("Served: %s. %s", plain(rel.Want().String(), 300), rest), owner(rb))
	m.EndsAt, m.Ends = now, ends
	if ends != nil && rel.Phase == record.RolledBack {
		m.Incident = rel.Incident // as the page that it ends; else it would end the incident's
	}
	return m
}

// instances counts instances of the router that do something.
func instances(n int, one, more string) string {
	if n == 1 {
		return "1 router instance " + one
	}
	return fmt.Sprintf("%d router instances %s", n, more)
}

// bare is an address without its scheme, which nobody takes for a link.
func bare(address string) string {
	_, host, _ := strings.Cut(address, "://")
	return host
}

// checks are what came of a rollback's write, each with its own time: read back, shown by
// the router's instances, the candidate's measured share, what users get.
func checks(inc record.Incident, rb *runbook.Runbook) *table {
	t := &table{Head: []string{"Check", "Time (UTC)", "After", "What"}}
	if inc.ActedAt.IsZero() {
		return t
	}
	row := func(name string, at time.Time, words string) {
		when, after := "not yet", "–"
		if !inc.ClosedAt.IsZero() {
			when = "–"
		}
		if !at.IsZero() {
			when, after = at.UTC().Format("15:04:05.000"), offset(at.Sub(inc.ActedAt))
		}
		t.row(name, when, after, words)
	}
	row("written", inc.ActedAt, "in one transaction")
	a := inc.Applied
	if a == nil {
		a = &record.Applied{}
	}
	to := "all traffic on " + inc.Stable.Version
	if inc.Change != nil {
		to = inc.Change.To.String()
	}
	row("read back", a.ReadBackAt, "the store shows "+to)
	row("applied", a.AppliedAt, appliedWords(*a, rb))
	for _, i := range a.Instances {
		row("– "+bare(i.Address), i.AppliedAt, instanceWords(i))
	}
	row("drained", inc.DrainedAt, word(inc.Candidate.Version)+" gets no requests, as Prometheus measures it")
	var recovered time.Time
	words := "users get what they got before the breach"
	if v := inc.Verdict; v != nil {
		if words = outcome(v.Outcome); v.Outcome == record.Recovered {
			recovered = v.At
		}
	}
	row("recovered", recovered, words)
	return t
}

func appliedWords(a record.Applied, rb *runbook.Runbook) string {
	n := len(a.Instances)
	switch {
	case len(rb.Routing.Instances) == 0 && n == 0:
		return "not asked: no instances are named in the runbook, so whether routers took it is known by the measured share only"
	case !a.AppliedAt.IsZero():
		return fmt.Sprintf("each named router instance (%d) serves it", n)
	}
	return "not every named router instance serves it"
}

func instanceWords(i record.RouterInstance) string {
	switch {
	case i.Late() && !i.AppliedAt.IsZero():
		return "fell back at " + clock(i.LeftAt) + ", told at " + clock(i.LateAt) + ": " + i.Problem
	case i.LateAt.After(i.AppliedAt) && !i.AppliedAt.IsZero():
		return "serves it again, told at " + clock(i.LateAt) + ": " + i.Problem
	case i.Late():
		return "does not follow, told at " + clock(i.LateAt) + ": " + i.Problem
	case !i.LateAt.IsZero():
		return "followed late, told at " + clock(i.LateAt) + ": " + i.Problem
	case i.AppliedAt.IsZero():
		return "waiting for it"
	}
	return "serves it"
}

// behind names the router's instances that do not follow; empty: none is known.
func behind(inc record.Incident) string {
	var names []string
	for _, i := range inc.Applied.Late() {
		names = append(names, bare(i.Address))
	}
	if len(names) == 0 {
		return ""
	}
	return instances(len(names), "does not follow: ", "do not follow: ") + strings.Join(names, ", ")
}
