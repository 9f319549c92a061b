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

// Settings outside the rules: how often Prometheus is to scrape the daemon, and the
// generated Alertmanager route.
const (
	daemonScrape = 5 * time.Second
	groupWait    = 0 * time.Second
)

const windowPart = "window of the effect"

// lag adds up the way of the alert. The recorded series and the alert are evaluated in one
// group, in order, so that recording costs nothing more. The daemon's own watcher is
// sooner: it waits for neither its scrape nor an evaluation.
func (p Plan) lag(t runbook.Trigger) Lag {
	every := p.rb.Metrics.Step()
	parts := []LagPart{{"scrape interval", p.Traffic.Scrape}}
	if t.Comparative() {
		parts = append(parts, LagPart{"interval that the daemon counts", every}, LagPart{"its wait for late scrapes", runbook.Lag(every)},
			LagPart{"scrape of the daemon", runbook.Duration(daemonScrape)})
	}
	l := Lag{Parts: append(parts, LagPart{"evaluation interval", p.rb.Metrics.Interval}, LagPart{windowPart, t.For},
		LagPart{"Alertmanager group_wait", runbook.Duration(groupWait)})}
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
