package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// watchdogAge is how old the watchdog's newest sample may be to count as a sign of life.
const watchdogAge = 2 * time.Minute

// Firing is what Prometheus says is firing now.
type Firing struct {
	Blind    []record.Alert // companions: one side of an open release has no data
	Watchdog bool           // the rules are being evaluated, and lately
	At       time.Time      // the moment that Prometheus answered for; zero if nothing fires
}

// Firing asks for all firing alerts with one query. Those of triggers are left out: their
// gates are asked whether or not a rule is loaded. A companion's StartsAt is the moment of
// its newest sample: Prometheus does not tell in the same query when it began. A partial answer is an error, and so is one from another time.
func (p *Prometheus) Firing(ctx context.Context) (Firing, error) {
	ctx, cancel := p.within(ctx)
	defer cancel()
	// timestamp() tells when each alert was last evaluated: an instant query alone
	// repeats it for five minutes after the rules stopped.
	expr, err := rules.ParseExpr("timestamp(" + rules.FiringQuery + ")")
	if err != nil {
		return Firing{}, err
	}
	r := p.askOne(ctx, question{name: "firing", expr: expr})
	if r.problem != "" {
		return Firing{}, fmt.Errorf("ask Prometheus for firing alerts: %s", r.problem)
	}
	return sortOut(r, time.Now().UTC()), nil
}

func sortOut(r reply, now time.Time) Firing {
	f := Firing{At: r.answered}
	for _, s := range r.samples {
		a := alertOf(s, now)
		switch {
		case a.Trigger == rules.WatchdogTrigger:
			f.Watchdog = f.Watchdog || r.answered.Sub(a.StartsAt) <= watchdogAge
		case a.Trigger == rules.BlindTrigger:
			f.Blind = append(f.Blind, a)
		}
	}
	return f
}

func alertOf(s model.Sample, now time.Time) record.Alert {
	labels := make(map[string]string, len(s.Metric))
	for k, v := range s.Metric {
		labels[string(k)] = string(v)
	}
	return record.Alert{
		Service:    labels["service"],
		Trigger:    labels["trigger"],
		Region:     labels["region"],
		Severity:   runbook.Severity(labels["severity"]),
		Firing:     true,
		StartsAt:   time.UnixMilli(int64(float64(s.Value) * 1000)).UTC(),
		Source:     record.Watcher,
		Labels:     labels,
		ReceivedAt: now,
	}
}
