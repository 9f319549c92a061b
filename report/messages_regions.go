package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The kinds of messages about several regions.
const (
	KindBrake         = "brake"
	KindStraggler     = "straggler"
	KindStragglerDone = "straggler_done"
	KindOrder         = "order"
	KindOrderDone     = "order_done"
)

// BrakeMsg says that promotion stops because several regions breach at once.
func BrakeMsg(rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	m := rampMessage(rel, KindBrake, fmt.Sprintf("-%d", rel.BrakedAt.Unix()), now,
		fmt.Sprintf("%s: promotion of %s stops in %s", rel.Service, word(rel.Candidate.Version), rel.Region),
		upper(sentence(rel.Frozen)), "What several regions have in common is more likely the cause than one region's release.",
		todo(fmt.Sprintf("look at the incidents; then autorollback release resume %s --region %s --reason WHY, or roll back: autorollback rollback %s --reason WHY.", rel.Service, rel.Region, rel.Service)), owner(rb))
	m.Page = true
	return m
}

// StragglerMsg says that a rollback is partial: another region has the candidate still, or nobody
// knows.
func StragglerMsg(inc record.Incident, rb *runbook.Runbook, g record.Straggler, now time.Time) record.Message {
	m := regionMessage(inc, KindStraggler, g, now,
		fmt.Sprintf("%s: rolled back in %s and not in %s", word(inc.Service), word(inc.Region), word(g.Region)),
		sentence(g.Region+": "+g.Why),
		"A region acts on its own breach as soon as its store and its Prometheus answer, and an order of a human that is kept for it is carried out then.",
		todo(fmt.Sprintf("look at region %s: autorollback release status %s; to roll it back as well: autorollback rollback %s --region %s --reason WHY.", g.Region, inc.Service, inc.Service, g.Region)), owner(rb))
	m.Page = true
	return m
}

// StragglerDoneMsg says that the other region has the candidate no more.
func StragglerDoneMsg(inc record.Incident, rb *runbook.Runbook, g record.Straggler, now time.Time) record.Message {
	m := regionMessage(inc, KindStragglerDone, g, now,
		fmt.Sprintf("%s: %s is done as well", word(inc.Service), word(g.Region)),
		fmt.Sprintf("Region %s no longer has %s. It was named since %s.", word(g.Region), word(inc.Candidate.Version), clock(g.Since)), owner(rb))
	open := func(g record.Straggler) bool { return g.DoneAt.IsZero() }
	if m.EndsAt = now; !slices.ContainsFunc(inc.Stragglers, open) {
		m.Ends = []string{KindStraggler}
	}
	return m
}

func regionMessage(inc record.Incident, kind string, g record.Straggler, now time.Time, title string, lines ...string) record.Message {
	m := newMessage(fmt.Sprintf("%s-%s-%s", inc.ID, kind, g.Region), kind, inc.Service, inc.Region, now, title, lines)
	m.Incident, m.Thread = inc.ID, inc.Thread
	return m
}

// PendingMsg says that a human's rollback of a region is pending. It is sent by another region, at.
func PendingMsg(o record.PendingRollback, at, problem string, now time.Time) record.Message {
	m := newMessage(o.ID+"-"+KindOrder, KindOrder, o.Service, at, now,
		fmt.Sprintf("%s: the rollback in %s is pending", word(o.Service), word(o.Region)),
		[]string{fmt.Sprintf("%s ordered it (%s), and the store of region %s does not answer: %s", word(o.Name), plain(o.Reason, 200), word(o.Region), sentence(problem)),
			"It is tried again until it answers, and you are notified.",
			todo(fmt.Sprintf("bring the store of %s back, or move the traffic there by hand as the runbook's page says.", word(o.Region)))})
	m.Page = true
	return m
}

// PendingDoneMsg says what came of it. It pages where the region was not rolled back.
func PendingDoneMsg(o record.PendingRollback, at, came string, done bool, now time.Time) record.Message {
	title := fmt.Sprintf("%s: the rollback in %s is finished", word(o.Service), word(o.Region))
	if !done {
		title = fmt.Sprintf("%s: the rollback in %s was not carried out", word(o.Service), word(o.Region))
	}
	m := newMessage(o.ID+"-"+KindOrderDone, KindOrderDone, o.Service, at, now, title,
		[]string{fmt.Sprintf("%s ordered it at %s, when its store did not answer. Now: %s", word(o.Name), clock(o.At), sentence(came))})
	if m.Page = !done; done {
		m.EndsAt, m.Ends = now, []string{KindOrder}
	}
	return m
}
