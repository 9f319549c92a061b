package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	amlabels "github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/view"
)

// alertsPath is where Prometheus gives its alerts to an Alertmanager.
const alertsPath = "/api/v2/alerts"

// alertmanagers checks those that Prometheus has found.
func (p *patient) alertmanagers(ctx context.Context) []view.Check {
	found, err := p.Prometheus.Alertmanagers(ctx)
	if err != nil {
		return []view.Check{unknown(alertmanagerPart, "found", err.Error(),
			"use a Prometheus that has /api/v1/alertmanagers")}
	}
	if len(found) == 0 {
		return []view.Check{off(alertmanagerPart, "found",
			"Prometheus sends its alerts to no Alertmanager: only the watcher works",
			"name it under alerting.alertmanagers in Prometheus' configuration")}
	}
	alerts := p.alerts()
	checks := each(parallel, found,
		func(address string) []view.Check { return p.alertmanager(ctx, address, alerts) })
	return append(checks, p.failures(ctx)...)
}

// alerts are the labels of the alerts that must come to us, as far as they are known before.
func (p *patient) alerts() []model.LabelSet {
	all := []model.LabelSet{{"alertname": "AutorollbackWatchdog", "autorollback": "true",
		"trigger": rules.WatchdogTrigger, "severity": "none"}}
	for _, rb := range p.runbooks {
		for _, labels := range rules.AlertLabels(rb) {
			alert := model.LabelSet{"region": model.LabelValue(rb.Regions[0])}
			for name, value := range labels {
				alert[model.LabelName(name)] = model.LabelValue(value)
			}
			all = append(all, alert)
		}
	}
	return all
}

func (p *patient) alertmanager(ctx context.Context, address string, alerts []model.LabelSet) []view.Check {
	base, host := strings.TrimSuffix(address, alertsPath), hostOf(address)
	var status struct{ Config struct{ Original string } }
	if err := p.ask(ctx, base+"/api/v2/status", &status); err != nil {
		return []view.Check{unknown(alertmanagerPart, host, err.Error(),
			"let the daemon reach it, as Prometheus must")}
	}
	c, err := parseConfig(status.Config.Original)
	if err != nil {
		return []view.Check{unknown(alertmanagerPart, host, err.Error(),
			"compare it with: autorollback rules generate runbooks/ --alertmanager-file alertmanager.yml")}
	}
	out := p.lint(host, c, alerts)
	out = append(out, p.arrives(ctx, base, host)...)
	return append(out, p.silences(ctx, base, host, alerts)...)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// arrives checks that the watchdog comes from Prometheus to the Alertmanager.
func (p *patient) arrives(ctx context.Context, base, host string) []view.Check {
	fires, err := p.vector(ctx, `ALERTS{autorollback="true",alertstate="firing",trigger="watchdog"}`)
	if err != nil || len(fires) == 0 {
		return nil // the rules are not loaded, which is said elsewhere
	}
	var got []json.RawMessage
	query := url.Values{"filter": {`autorollback="true"`, `trigger="watchdog"`}}
	if err := p.ask(ctx, base+alertsPath+"?"+query.Encode(), &got); err != nil {
		return []view.Check{unknown(alertmanagerPart, host, err.Error(), "ask again")}
	}
	if len(got) == 0 {
		return []view.Check{off(alertmanagerPart, host,
			"the watchdog fires in Prometheus, but Alertmanager does not have it: alerts do not arrive there",
			"if it has just started, wait a minute; else see Prometheus' log and its alert_relabel_configs")}
	}
	return []view.Check{ok(alertmanagerPart, host, "it has the watchdog from Prometheus")}
}

// A silence is an active one.
type silence struct {
	Status   struct{ State string }
	Matchers []struct {
		Name, Value string
		IsRegex     bool
		IsEqual     *bool
	}
	CreatedBy, Comment string
	EndsAt             time.Time
}

// silences tells which of our alerts are silenced, which stops the webhook alone.
func (p *patient) silences(ctx context.Context, base, host string, alerts []model.LabelSet) []view.Check {
	var all []silence
	if err := p.ask(ctx, base+"/api/v2/silences", &all); err != nil {
		return []view.Check{unknown(alertmanagerPart, host, err.Error(), "ask again")}
	}
	var out []view.Check
	for _, s := range all {
		if s.Status.State != "active" {
			continue
		}
		var hit []string
		for _, alert := range alerts {
			if s.matches(alert) {
				hit = append(hit, named(alert))
			}
		}
		if len(hit) > 0 {
			out = append(out, degraded(alertmanagerPart, host,
				fmt.Sprintf("a silence by %s (%q) until %s holds back %s%s; it does not stop the watcher",
					s.CreatedBy, s.Comment, s.EndsAt.Format(time.RFC3339), hit[0], andMore(len(hit)-1)),
				"expire it; what stops automation is: autorollback control set paused --reason WHY"))
		}
	}
	return out
}

// matches reports whether a silence keeps an alert back. The release is not known before, and
// may be any.
func (s silence) matches(alert model.LabelSet) bool {
	for _, m := range s.Matchers {
		if m.Name == "release" {
			continue
		}
		kind := amlabels.MatchEqual
		switch equal := m.IsEqual == nil || *m.IsEqual; {
		case m.IsRegex && equal:
			kind = amlabels.MatchRegexp
		case m.IsRegex:
			kind = amlabels.MatchNotRegexp
		case !equal:
			kind = amlabels.MatchNotEqual
		}
		matcher, err := amlabels.NewMatcher(kind, m.Name, m.Value)
		if err != nil || !matcher.Matches(string(alert[model.LabelName(m.Name)])) {
			return false
		}
	}
	return true
}

// failures are notifications that Alertmanager says failed, where Prometheus scrapes it.
func (p *patient) failures(ctx context.Context) []view.Check {
	const name = "notifications"
	v, err := p.vector(ctx, `sum by (instance) (increase(alertmanager_notifications_failed_total{integration="webhook"}[5m]))`)
	switch {
	case err != nil:
		return []view.Check{unknown(alertmanagerPart, name, err.Error(), "ask again")}
	case len(v) == 0:
		return []view.Check{unknown(alertmanagerPart, name,
			"Prometheus does not scrape Alertmanager, so failed calls of webhooks are not seen",
			"let it scrape Alertmanager's /metrics")}
	}
	for _, s := range v {
		if s.Value > 0 {
			return []view.Check{degraded(alertmanagerPart, name,
				fmt.Sprintf("%.0f calls of webhooks by %s failed within five minutes", float64(s.Value), s.Metric["instance"]),
				"see Alertmanager's log: it names the receiver and the answer")}
		}
	}
	return []view.Check{ok(alertmanagerPart, name, "no call of a webhook failed within five minutes")}
}

func (d *Doctor) ask(ctx context.Context, address string, into any) error {
	return d.call(ctx, http.MethodGet, address, nil, into)
}

// call reads the JSON of a good answer; into may be nil.
func (d *Doctor) call(ctx context.Context, method, address string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := d.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("ask Alertmanager: %w", outbound.Cause(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return fmt.Errorf("ask Alertmanager: %w", err)
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("ask Alertmanager: it answers %s: %s", outbound.Status(resp.StatusCode), outbound.Excerpt(string(text)))
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read Alertmanager's answer: %w", err)
	}
	return nil
}
