package plan

import (
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A Lag is the worst case from a breach to the daemon's knowledge of it, part by part.
type Lag struct {
	Parts []LagPart `json:"parts"`
	// Total holds where the proof takes no longer than the window; else the proof counts
	// instead of the window.
	Total runbook.Duration `json:"total"`
	Rest  runbook.Duration `json:"rest"` // all but the window
}

// A LagPart is one wait.
type LagPart struct {
	What string           `json:"what"`
	Time runbook.Duration `json:"time"`
}

// Settings outside the rules: the generated Alertmanager route, and how often the
// daemon asks by itself.
const (
	groupWait  = 0 * time.Second
	watchEvery = 5 * time.Second
)

const windowPart = "window of the effect"

// lag adds up. The recorded series and the alert are evaluated in one group, in order,
// so that recording costs nothing more. A delivery that is lost costs no more than the
// watcher's next question.
func (p Plan) lag(t runbook.Trigger) Lag {
	l := Lag{Parts: []LagPart{
		{"scrape interval", p.Traffic.Scrape},
		{"evaluation interval", p.rb.Metrics.Interval},
		{windowPart, t.For},
		{"Alertmanager group_wait", runbook.Duration(groupWait)},
		{"watcher, if the webhook is lost", runbook.Duration(watchEvery)},
	}}
	for _, part := range l.Parts {
		l.Total += part.Time
		if part.What != windowPart {
			l.Rest += part.Time
		}
	}
	return l
}

// String is the sum as one can follow it.
func (l Lag) String() string {
	var parts []string
	for _, p := range l.Parts {
		parts = append(parts, p.Time.String()+" "+p.What)
	}
	return strings.Join(parts, " + ") + " = " + l.Total.String()
}
