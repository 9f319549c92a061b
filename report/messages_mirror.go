package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The kinds of messages about a mirror. They belong to no incident.
const (
	KindMirrorEnded = "mirror_ended"
	KindMirrorHeld  = "mirror_held"
	KindMirrorWaits = "mirror_waits"
)

// MirrorEndedMsg says that no requests are copied any more, and why.
func MirrorEndedMsg(m record.Mirror, rb *runbook.Runbook, now time.Time) record.Message {
	msg := mirrorMessage(m, KindMirrorEnded, now,
		fmt.Sprintf("%s: nothing is mirrored to %s any more", m.Service, word(m.Backend)),
		fmt.Sprintf("%s: %d %% of the requests were copied to it since %s.", sentence(m.Ended), m.Percent, clock(m.StartedAt)),
		"Compare the two logs: autorollback shadow join.", owner(rb))
	msg.EndsAt = now
	return msg
}

// MirrorHeldMsg pages because somebody else changed the router's percent.
func MirrorHeldMsg(m record.Mirror, rb *runbook.Runbook, now time.Time) record.Message {
	title := fmt.Sprintf("%s: somebody changed what is mirrored to %s", m.Service, word(m.Backend))
	if m.Held.Due {
		title = fmt.Sprintf("%s: requests are still mirrored to %s, and the planned end is over", m.Service, word(m.Backend))
	}
	msg := mirrorMessage(m, KindMirrorHeld, now, title,
		fmt.Sprintf("We wrote %d %%, and the router's keys say: %s. It is left as it is, now and at the planned end (%s).", m.Percent, plain(m.Held.Found, 300), clock(m.Until)),
		todo(fmt.Sprintf("set it to 0, or back to %d; or keep it, and end our plan with autorollback shadow stop --service %s.", m.Percent, m.Service)), owner(rb))
	msg.Page = true
	return msg
}

// MirrorWaitsMsg pages because the end that is due cannot be written.
func MirrorWaitsMsg(m record.Mirror, rb *runbook.Runbook, now time.Time) record.Message {
	msg := mirrorMessage(m, KindMirrorWaits, now,
		fmt.Sprintf("%s: requests are still mirrored to %s", m.Service, word(m.Backend)),
		plain(m.Waiting, 500)+". It is tried again every few seconds.",
		todo("end what stands in the way, or set the router's percent to 0 by hand."), owner(rb))
	msg.Page = true
	return msg
}

func mirrorMessage(m record.Mirror, kind string, now time.Time, title string, lines ...string) record.Message {
	var text []string
	for _, line := range lines {
		if line != "" {
			text = append(text, line)
		}
	}
	return record.Message{
		Schema: runbook.Schema, ID: fmt.Sprintf("mirror-%s-%s-%.8s-%d", m.Service, m.Region, m.Op, m.Told), Kind: kind, Service: m.Service, Region: m.Region,
		Title: cut(title, maxTitle), Text: cut(strings.Join(text, "\n"), maxText), StartsAt: m.StartedAt, CreatedAt: now,
	}
}
