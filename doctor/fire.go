package doctor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

const (
	// arriveWithin is how long an alert may take from Alertmanager to the receiver: more than
	// the 30 s of the default group_wait. The second of a cluster waits 15 s for the first.
	arriveWithin = 35 * time.Second
	// slow is what it should not take.
	slow      = 5 * time.Second
	lookEvery = 20 * time.Millisecond
	// refusedFor is how long after a call was refused nothing better is waited for:
	// Alertmanager does not send it again.
	refusedFor = 3 * time.Second
)

// The stations of an alert.
const (
	atPrometheus = "prometheus"
	atReceiver   = "receiver"
	atDoctor     = "doctor"
)

// Fire sends a synthetic alert through every Alertmanager that Prometheus has found, and
// returns when each has come or is lost. What Prometheus does before, which nobody can send
// an alert to, shows in how old the newest evaluation of the watchdog is. Its error is that of
// [Doctor.Examine].
func (d *Doctor) Fire(ctx context.Context) (view.Firing, error) {
	if !d.busy.TryLock() {
		return view.Firing{}, errBusy
	}
	defer d.busy.Unlock()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	legs := []view.Leg{d.evaluated(ctx)}
	found, err := d.Prometheus.Alertmanagers(ctx)
	switch {
	case err != nil:
		legs = append(legs, lost(atPrometheus, "alertmanager", 0, err.Error(),
			"let the daemon read Prometheus' /api/v1/alertmanagers"))
	case len(found) == 0:
		legs = append(legs, lost(atPrometheus, "alertmanager", 0, "Prometheus sends its alerts to no Alertmanager",
			"name it under alerting.alertmanagers in Prometheus' configuration"))
	}
	legs = append(legs, each(len(found), found,
		func(address string) []view.Leg { return d.through(ctx, address) })...)
	return view.Firing{Schema: runbook.Schema, At: time.Now().UTC(), Legs: legs}, nil
}

// evaluated is the leg inside Prometheus.
func (d *Doctor) evaluated(ctx context.Context) view.Leg {
	v, err := d.vector(ctx, `time() - max(timestamp(ALERTS{autorollback="true",alertstate="firing",trigger="watchdog"}))`)
	switch {
	case err != nil:
		return lost(atPrometheus, "rules", 0, err.Error(), "start Prometheus")
	case len(v) == 0:
		return lost(atPrometheus, "rules", 0, "the watchdog does not fire: the rules are not loaded",
			"make the file and load it: autorollback rules generate runbooks/ --rules-file autorollback.rules.yml")
	}
	return view.Leg{From: atPrometheus, To: "rules", State: view.CheckOK, Seconds: float64(v[0].Value),
		What: "age of the watchdog's newest evaluation"}
}

// through sends one alert by one Alertmanager.
func (d *Doctor) through(ctx context.Context, address string) []view.Leg {
	host, id, began := hostOf(address), strings.ToLower(rand.Text()), time.Now()
	if err := d.post(ctx, address, id, began, began.Add(time.Minute)); err != nil {
		return []view.Leg{lost(atDoctor, host, time.Since(began), err.Error(),
			"let the daemon reach Alertmanager, as Prometheus must")}
	}
	accepted := time.Now()
	legs := []view.Leg{{From: atDoctor, To: host, State: view.CheckOK,
		Seconds: accepted.Sub(began).Seconds()}}
	defer func() { _ = d.post(ctx, address, id, began, time.Now()) }() // else it ends by itself
	came := d.await(ctx, id, began)
	if came.IsZero() {
		return append(legs, d.unreceived(host, began))
	}
	last := view.Leg{From: host, To: atReceiver, State: view.CheckOK,
		Seconds: max(0, came.Sub(accepted).Seconds())}
	if came.Sub(accepted) > slow {
		last.State, last.What = view.CheckDegraded, "it came late"
		last.Fix = "see group_wait of its route; the second Alertmanager of a cluster waits 15 s for the first"
	}
	return append(legs, last)
}

// post gives Alertmanager the synthetic alert, as Prometheus does.
func (d *Doctor) post(ctx context.Context, address, id string, from, to time.Time) error {
	body, err := json.Marshal([]map[string]any{{
		"labels": map[string]string{
			"alertname": "AutorollbackDoctor", "autorollback": "true", "trigger": rules.DoctorTrigger,
			"severity": "none", "id": id,
		},
		"annotations": map[string]string{
			"summary": "A test of the alert path, sent by: autorollback doctor --fire. No action is needed.",
		},
		"startsAt": from.UTC(), "endsAt": to.UTC(),
	}})
	if err != nil {
		return err
	}
	return d.call(ctx, http.MethodPost, address, body, nil)
}

// await is when the alert came by webhook; zero: it did not in time, or a call was refused.
func (d *Doctor) await(ctx context.Context, id string, sent time.Time) time.Time {
	ctx, cancel := context.WithTimeout(ctx, arriveWithin)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var refusedAt time.Time
	for {
		if at := d.Synthetic(id); !at.IsZero() {
			return at
		}
		if _, refused := d.Calls(); refusedAt.IsZero() && refused.At.After(sent) {
			refusedAt = refused.At
		}
		if !refusedAt.IsZero() && time.Since(refusedAt) > refusedFor {
			return time.Time{}
		}
		select {
		case <-ctx.Done():
			return time.Time{}
		case <-tick.C:
		}
	}
}

// unreceived says on which side of the last leg the alert got lost.
func (d *Doctor) unreceived(host string, since time.Time) view.Leg {
	if _, refused := d.Calls(); refused.At.After(since) {
		return lost(host, atReceiver, time.Since(since),
			fmt.Sprintf("the receiver refused a call from %s: %d, %s", refused.From, refused.Code, refused.Text),
			d.correct(refused))
	}
	return lost(host, atReceiver, time.Since(since),
		fmt.Sprintf("Alertmanager accepted it, but the receiver was not called within %s", arriveWithin),
		"see its route: autorollback doctor; then Alertmanager's log, and whether it reaches the receiver's address")
}

func lost(from, to string, after time.Duration, what, fix string) view.Leg {
	return view.Leg{From: from, To: to, State: view.CheckOff, Seconds: after.Seconds(),
		What: "lost here: " + what, Fix: fix}
}
