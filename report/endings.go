package report

import (
	"time"

	"github.com/autorollback/autorollback/record"
)

// Endings returns the messages an incident may have sent before its verdict, as
// [Alertmanager.End] needs them to end their alerts once the incident is over. Where
// the incident does not tell whether a message paged, both are there: ending an alert
// that never was changes nothing.
func Endings(inc record.Incident, at time.Time) []record.Message {
	var out []record.Message
	end := func(kind string, page bool) {
		m := message(inc, kind, page, time.Time{}, kind+": over")
		m.EndsAt = at
		out = append(out, m)
	}
	end(KindOpened, false)
	if inc.Approval != "" {
		end(KindApproval, true)
	}
	if !inc.ActedAt.IsZero() {
		end(KindActed, false)
	}
	done := map[string]bool{}
	for _, r := range inc.Timeline {
		if done[r.Kind] {
			continue
		}
		done[r.Kind] = true
		switch r.Kind {
		case "unconfirmed":
			end(KindOpened, true)
		case "foreign_split":
			end(KindForeign, true)
		case "decided":
			end(KindHeld, true)
			end(KindHeld, false)
			end(KindFrozen, true)
		case KindRejected:
			end(KindRejected, false)
		case KindNotApplied, KindExpired:
			end(r.Kind, true)
		}
	}
	return out
}
