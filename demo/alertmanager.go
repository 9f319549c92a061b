package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/prometheus/rules"
)

// A Hook posts each alert as Alertmanager does with group_by ['...'] and group_wait
// 0s: version 4 JSON, one alert a message.
type Hook struct {
	URL   string
	Token string
	// Deaf: Prometheus' alerts reach nobody.
	Deaf bool

	once   sync.Once
	client *http.Client
}

// message is the webhook's body.
type message struct {
	template.Data
	Version         string `json:"version"`
	GroupKey        string `json:"groupKey"`
	TruncatedAlerts int    `json:"truncatedAlerts"`
}

// Notify is a rules.NotifyFunc. Alerts that are not for autorollback, and the
// watchdog's repeats, are none of the webhook's.
func (h *Hook) Notify(ctx context.Context, _ string, alerts ...*rules.Alert) {
	for _, a := range alerts {
		if h.Deaf || a.Labels.Get("autorollback") != "true" || a.State == rules.StatePending {
			continue
		}
		_, _ = h.send(ctx, h.message(a)) // what is not taken is sent again
	}
}

// send posts one message.
func (h *Hook) send(ctx context.Context, m message) (int, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return 0, fmt.Errorf("encode alert: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("post alert: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+h.Token)
	h.once.Do(func() { h.client = outbound.New(outbound.Options{}) })
	resp, err := h.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("post alert: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // only the status counts
	return resp.StatusCode, nil
}

func (h *Hook) message(a *rules.Alert) message {
	kv := template.KV(a.Labels.Map())
	one := template.Alert{Status: "firing", Labels: kv, Annotations: template.KV(a.Annotations.Map()),
		StartsAt: a.FiredAt.UTC(), Fingerprint: fmt.Sprintf("%016x", a.Labels.Hash())}
	if a.State == rules.StateInactive {
		one.Status, one.EndsAt = "resolved", a.ResolvedAt.UTC()
	}
	return message{Version: "4", GroupKey: fmt.Sprintf(`{}/{autorollback="true"}:%s`, a.Labels), Data: template.Data{
		Receiver: "autorollback", Status: one.Status, Alerts: template.Alerts{one}, GroupLabels: kv,
		CommonLabels: kv, CommonAnnotations: one.Annotations, ExternalURL: "http://localhost/demo"}}
}

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
