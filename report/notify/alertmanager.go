package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

const (
	// AlertName is the alertname label of every message posted to Alertmanager.
	AlertName = "AutorollbackIncident"

	// alertLife is how long an alert lasts whose incident has no end yet. Without an
	// endsAt Alertmanager would end it after its resolve_timeout of five minutes, and
	// tell people that it is over while it is not.
	alertLife = 24 * time.Hour
	// alertShow is the least time an alert lasts: one that ends within a route's
	// group_wait or group_interval is never delivered.
	alertShow = 15 * time.Minute

	// clockSkew is how far another machine's clock may be behind.
	clockSkew = time.Minute

	postTimeout = 5 * time.Second
)

// Alertmanager sends messages as alerts to the team's own Alertmanagers, so that the
// team's routes and templates carry them. Send succeeds if at least one accepts:
// Alertmanagers of a cluster do not pass alerts on to each other, but each of them
// notifies.
type Alertmanager struct {
	// URLs are the base addresses of all Alertmanagers, from configuration only.
	URLs []string
	// Client makes the requests; authentication and TLS are its business. It follows no
	// redirect: a login page's 200 is no acceptance. Nil means a plain one.
	Client *http.Client
	// Runbook finds the labels and the owner; it may be nil or return nil.
	Runbook func(service string) *runbook.Runbook
	// IncidentURL returns the address of an incident's page, or ""; it may be nil.
	IncidentURL func(incident string) string
	// Incident finds an incident by id. With it, a message that has an end also ends
	// the alerts of the incident's earlier messages; without it (nil) they last a day.
	Incident func(ctx context.Context, id string) (record.Incident, error)
	// Log gets a line for each Alertmanager that did not accept while another did.
	// Nil means silence.
	Log *zap.Logger
}

type postedAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// Send posts the message as one alert. Labels and times depend on the message alone,
// so sending it again changes nothing. The alert ends at the message's EndsAt, but
// never before it has been on show for 15 minutes, and after a day if it has none.
func (a Alertmanager) Send(ctx context.Context, m record.Message, link string) error {
	if err := a.post(ctx, []postedAlert{a.alert(m, link)}); err != nil {
		return err
	}
	if len(m.Ends) > 0 {
		return a.End(ctx, ended(m))
	}
	if m.EndsAt.IsZero() || a.Incident == nil {
		return nil
	}
	inc, err := a.Incident(ctx, m.Incident)
	if errors.Is(err, runbook.ErrNotFound) {
		return nil // somebody cleaned up; the alerts end automatically
	}
	if err != nil {
		return fmt.Errorf("end alerts of %s: %w", m.Incident, err)
	}
	return a.End(ctx, report.Endings(inc, m.EndsAt))
}

// End ends the alerts of messages sent before at their EndsAt; see [report.Endings].
func (a Alertmanager) End(ctx context.Context, messages []record.Message) error {
	var alerts []postedAlert
	for _, m := range messages {
		over := a.alert(m, "")
		// Alertmanager keeps the later of two ends unless the new one has passed; its
		// clock may be behind ours.
		if over.EndsAt = m.EndsAt.Add(-clockSkew).UTC(); over.EndsAt.Before(over.StartsAt) {
			over.EndsAt = over.StartsAt
		}
		alerts = append(alerts, over)
	}
	if len(alerts) == 0 {
		return nil
	}
	return a.post(ctx, alerts)
}

// ended are the earlier messages that this one ends, as they were sent: as a page, or as a notice.
func ended(m record.Message) (all []record.Message) {
	for _, kind := range m.Ends {
		old := m
		old.Kind, old.Title, old.Text = kind, kind+": over", ""
		for _, old.Page = range []bool{true, false} {
			all = append(all, old)
		}
	}
	return all
}

func (a Alertmanager) alert(m record.Message, link string) postedAlert {
	var rb *runbook.Runbook
	if a.Runbook != nil {
		rb = a.Runbook(m.Service)
	}
	p := postedAlert{Labels: alertLabels(m, rb), Annotations: annotations(m, rb, link), StartsAt: m.StartsAt.UTC(), EndsAt: alertEnd(m)}
	if a.IncidentURL != nil {
		p.GeneratorURL = a.IncidentURL(m.Incident)
	}
	return p
}

// alertEnd is taken from the message, not from the clock, so that replicas and
// re-sends agree.
func alertEnd(m record.Message) time.Time {
	end := m.EndsAt
	if end.IsZero() {
		return m.CreatedAt.Add(alertLife).UTC()
	}
	if shown := m.CreatedAt.Add(alertShow); end.Before(shown) {
		return shown.UTC()
	}
	return end.UTC()
}

// alertLabels never has autorollback="true": that label would route our own message
// back to our own receiver. The team's labels cannot change who the alert is about.
func alertLabels(m record.Message, rb *runbook.Runbook) map[string]string {
	labels := map[string]string{}
	if rb != nil {
		for name, value := range rb.Communication.Labels {
			labels[name] = value
		}
	}
	delete(labels, "autorollback")
	labels["alertname"] = AlertName
	labels["service"] = m.Service
	labels["region"] = m.Region
	labels["incident"] = m.Incident
	labels["kind"] = m.Kind
	labels["severity"] = "notice"
	if m.Page {
		labels["severity"] = "page"
	}
	for name, value := range labels {
		if value == "" {
			delete(labels, name)
		}
	}
	return labels
}

func annotations(m record.Message, rb *runbook.Runbook, link string) map[string]string {
	notes := map[string]string{"summary": m.Title, "description": m.Text}
	if link != "" {
		notes["approval"] = link
	}
	if m.Anchor.Lines > 0 {
		notes["journal"] = m.Anchor.String()
		if m.Anchor.Signature != "" {
			notes["journal_signature"] = m.Anchor.Signature
		}
	}
	if rb != nil {
		notes["owner"] = strings.TrimSpace(rb.Owner.Team + " " + rb.Owner.Contact)
		if rb.Communication.Channel != "" {
			notes["channel"] = rb.Communication.Channel
		}
	}
	return notes
}

func (a Alertmanager) post(ctx context.Context, alerts []postedAlert) error {
	if len(a.URLs) == 0 {
		return errors.New("post alert: no Alertmanager is configured")
	}
	body, err := json.Marshal(alerts)
	if err != nil {
		return fmt.Errorf("post alert: %w", err)
	}
	outcomes := make([]error, len(a.URLs))
	var all sync.WaitGroup
	for i, url := range a.URLs {
		all.Go(func() { outcomes[i] = a.postTo(ctx, url, body) })
	}
	all.Wait()
	return a.judge(outcomes)
}

func (a Alertmanager) judge(outcomes []error) error {
	all := errors.Join(outcomes...)
	if all == nil {
		return nil
	}
	for _, err := range outcomes {
		if err == nil {
			if a.Log != nil {
				a.Log.Warn("an Alertmanager did not accept a message; another did", zap.Error(all))
			}
			return nil
		}
	}
	return all
}

func (a Alertmanager) postTo(ctx context.Context, base string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(base, "/")+"/api/v2/alerts", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post alert: %w", outbound.Cause(err))
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.client().Do(req)
	if err != nil {
		return fmt.Errorf("post alert to %s: %w", req.URL.Host, outbound.Cause(err))
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("post alert to %s: status %d: %s", req.URL.Host, resp.StatusCode, outbound.Excerpt(string(said)))
	}
	return nil
}

func (a Alertmanager) client() *http.Client {
	if a.Client == nil {
		return outbound.New(outbound.Options{})
	}
	return a.Client
}
