package report

import (
	"time"

	"github.com/autorollback/autorollback/record"
)

// Endings returns the messages that go on until the incident is over, as
// Alertmanager needs them to end their alerts.
func Endings(inc record.Incident, at time.Time) []record.Message {
	var out []record.Message
	for _, f := range inc.Firing {
		m := message(inc, f.Kind, f.Page, time.Time{}, f.Kind+": over")
		m.EndsAt = at
		out = append(out, m)
	}
	return out
}
