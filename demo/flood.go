package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/alertmanager/template"
)

// perMessage is how many alerts of a flood are in one message.
const perMessage = 20

// flood posts n forged alerts of every trigger of the runbook in turn, as if all of them
// fired, and waits for none of the answers' sake: 200 and 503 are both fine.
func (e *Environment) flood(ctx context.Context, n int) error {
	var errs []error
	for from := 0; from < n; from += perMessage {
		m := message{Version: "4", GroupKey: "storm", Data: template.Data{Receiver: "autorollback", Status: "firing"}}
		for i := from; i < min(n, from+perMessage); i++ {
			t := e.Runbook.Triggers[i%len(e.Runbook.Triggers)]
			m.Alerts = append(m.Alerts, template.Alert{Status: "firing", StartsAt: time.Now().Add(-time.Duration(i) * time.Second).UTC(),
				Fingerprint: fmt.Sprintf("%016x", i), Labels: template.KV{"autorollback": "true", "alertname": "Storm", "service": e.Runbook.Service,
					"trigger": t.Name, "severity": string(t.Severity), "nonce": fmt.Sprint(i)}})
		}
		status, err := e.Hook.send(ctx, m)
		if err == nil && status != http.StatusOK && status != http.StatusServiceUnavailable {
			err = fmt.Errorf("alert_storm: the receiver answers %d", status)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
