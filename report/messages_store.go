package report

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The kinds of messages about a store that went back in time.
const (
	KindWentBack     = "store_went_back"
	KindBehindBreach = "behind_breach"
	KindRecovered    = "store_recovered"
)

// WentBackMsg pages because the store has less of a target than is known: it was restored from a
// backup or wiped, or it is another one. stored is its release, nil if it has none.
func WentBackMsg(b record.Behind, stored *record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	at := ""
	if stored != nil {
		at = fmt.Sprintf("As the store has it, release %s is %s and %s has %v %%.", word(stored.ID), stored.Phase, word(stored.Candidate.Version), stored.Weight)
	}
	m := behindMessage(b, KindWentBack, "", now,
		fmt.Sprintf("%s: the store went back in time, and nothing is done automatically in %s", word(b.Service), word(b.Region)),
		plain(b.Why, 900), at, "No rollback, no promotion and no other write happens until somebody has recovered it.",
		todo(fmt.Sprintf("autorollback recover %[1]s --region %[2]s; if users are hurt: autorollback rollback %[1]s --region %[2]s --reason WHY.", b.Service, b.Region)), owner(rb))
	m.Page = true
	return m
}

// BehindBreachMsg pages because a trigger breaches and nothing is done about it.
func BehindBreachMsg(b record.Behind, rel record.Release, d record.Decision, br record.Breach, rb *runbook.Runbook, now time.Time) record.Message {
	inc := record.Incident{Service: b.Service, Region: b.Region, Release: rel.ID, Stable: rel.Stable, Candidate: rel.Candidate, Breach: br, Decision: d}
	m := behindMessage(b, KindBehindBreach, "-"+br.Trigger, now,
		fmt.Sprintf("%s: %s breached, and nothing was done: the store went back in time", subject(inc), word(br.Trigger)),
		what(inc, rb), why(inc),
		todo(fmt.Sprintf("roll back by hand: autorollback rollback %s --region %s --reason WHY.", b.Service, b.Region)), owner(rb))
	m.Page = true
	return m
}

// RecoveredMsg says that somebody brought the store in line, so that automation goes on.
func RecoveredMsg(b record.Behind, by, what string, rb *runbook.Runbook, now time.Time) record.Message {
	m := behindMessage(b, KindRecovered, "", now,
		fmt.Sprintf("%s: the store is recovered in %s", word(b.Service), word(b.Region)),
		fmt.Sprintf("%s did it: %s", word(by), sentence(what)), fmt.Sprintf("It had gone back in time, noticed at %s.", clock(b.Since)), owner(rb))
	m.EndsAt, m.Ends = now, []string{KindWentBack, KindBehindBreach}
	return m
}

func behindMessage(b record.Behind, kind, of string, now time.Time, title string, lines ...string) record.Message {
	m := newMessage(fmt.Sprintf("behind-%s-%s-%s%s-%d", b.Service, b.Region, kind, of, b.Since.UnixMilli()), kind, b.Service, b.Region, now, title, lines)
	m.StartsAt = b.Since
	return m
}
