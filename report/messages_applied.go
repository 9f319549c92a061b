package report

import (
	"fmt"
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
	what, means := fmt.Sprintf("%s is not at %d %% everywhere", word(rel.Candidate.Version), rel.Weight),
		"Promotion waits: a rollback would not reach them either."
	if rel.Phase == record.RolledBack {
		what, means = "rolled back, but not everywhere", "Their users may still get "+word(rel.Candidate.Version)+"."
	}
	m := rampMessage(rel, KindInstanceNotApplied, "-"+id, now,
		fmt.Sprintf("%s: %s: %s", rel.Service, what, instances(len(late), "does not follow", "do not follow")),
		strings.Join(lines, "\n"),
		fmt.Sprintf("In the store since %s, and wanted: %s. %s", clock(rel.Applied.WrittenAt), plain(rel.Want().String(), 300), means),
		todo("look whether they read the store; restart them, or take them out of service."), owner(rb))
	m.Page = true
	if rel.Phase == record.RolledBack {
		m.Incident = rel.Incident
	}
	return m
}

// InstanceAppliedMsg says that instances which people were told of follow after all.
func InstanceAppliedMsg(rel record.Release, rb *runbook.Runbook, back []record.RouterInstance, id string, now time.Time) record.Message {
	var lines []string
	for _, i := range back {
		lines = append(lines, fmt.Sprintf("- %s, %s after it was written", plain(bare(i.Address), 120), span(i.AppliedAt.Sub(rel.Applied.WrittenAt))))
	}
	rest := "Every instance serves it now."
	if n := len(rel.Applied.Late()); n > 0 {
		rest = upper(instances(n, "still does not follow", "still do not follow")) + "."
	}
	m := rampMessage(rel, KindInstanceApplied, "-"+id, now,
		fmt.Sprintf("%s: %s", rel.Service, instances(len(back), "follows now", "follow now")),
		strings.Join(lines, "\n"), fmt.Sprintf("Served: %s. %s", plain(rel.Want().String(), 300), rest), owner(rb))
	m.EndsAt = now
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
