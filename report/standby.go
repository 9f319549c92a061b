package report

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The kinds of messages about the last known good of an open release.
const (
	KindNoRollback      = "no_rollback"
	KindNoRollbackEnded = "no_rollback_ended"
)

// NoRollbackMsg pages: the last known good could not take all traffic right now.
func NoRollbackMsg(rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	stable := word(rel.Stable.Version)
	m := standbyMessage(rel, KindNoRollback, now,
		fmt.Sprintf("%s: no rollback to %s is possible right now: it is %s", rel.Service, stable, rel.Standby.State),
		stable+": "+sentence(rel.Standby.Why),
		fmt.Sprintf("%s has %v %%. Until %s is warm again nothing is promoted, and a breach asks a human "+
			"or is held: traffic never moves to a cold standby automatically.",
			word(rel.Candidate.Version), rel.Weight, stable),
		todo("bring the pods of "+stable+" back."), owner(rb))
	m.Page = true
	return m
}

// NoRollbackEndedMsg says that the last known good is warm again, or that the release is over.
func NoRollbackEndedMsg(rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	stable, since := word(rel.Stable.Version), clock(rel.Standby.ToldAt)
	title := fmt.Sprintf("%s: a rollback to %s is possible again", rel.Service, stable)
	text := fmt.Sprintf("It was not since %s. Promotion continues where nothing else objects.", since)
	if rel.Phase != record.Open {
		title = fmt.Sprintf("%s: the release of %s is over", rel.Service, word(rel.Candidate.Version))
		text = fmt.Sprintf("A rollback to %s was not possible since %s.", stable, since)
	}
	m := standbyMessage(rel, KindNoRollbackEnded, now, title, text, owner(rb))
	m.EndsAt, m.Ends = now, []string{KindNoRollback}
	return m
}

func standbyMessage(rel record.Release, kind string, now time.Time, title string,
	lines ...string) record.Message {
	id := fmt.Sprintf("%s-%s-%d", rel.ID, kind, rel.Standby.ToldAt.Unix())
	m := newMessage(id, kind, rel.Service, rel.Region, now, title, lines)
	m.StartsAt = rel.Standby.ToldAt
	return m
}

// Caution adds to a message what people must know whatever else it says, such as that no rollback
// is possible right now. It is not cut off.
func Caution(m record.Message, text string) record.Message {
	text = plain(text, 400)
	m.Text = cut(m.Text, maxText-len(text)-1) + "\n" + text
	return m
}
