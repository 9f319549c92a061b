package receiver

import (
	"regexp"
	"time"

	"github.com/prometheus/alertmanager/template"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

var (
	nameForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	regionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
)

// sort keeps the alerts that are for us, in the order they came, and counts all.
func (r *Receiver) sort(got delivery, now time.Time) []record.Alert {
	var keep []record.Alert
	left := leftOut{}
	for _, a := range got.Alerts {
		alert, what := read(a, now)
		left.note(what, a)
		if what == kept {
			what = outcomeOf(alert)
			if !r.known(alert.Service, alert.Trigger) {
				what = unknown
			}
			keep = append(keep, alert)
		}
		r.metrics.alerts.WithLabelValues(string(what)).Inc()
	}
	left.say(r.log)
	if got.TruncatedAlerts > 0 {
		r.metrics.alerts.WithLabelValues(string(truncated)).Add(float64(min(got.TruncatedAlerts, maxTruncated)))
		r.log.Warn("Alertmanager left alerts out of its message (max_alerts); the watcher finds them",
			zap.Uint64("truncated", got.TruncatedAlerts), zap.Int("sent", len(got.Alerts)))
	}
	return keep
}

// maxTruncated bounds what one forged body can add to a counter.
const maxTruncated = 1 << 20

// read makes an alert of one entry of the body. Names are judged as they came: a
// name is never mended into another one. Only the entry's own status counts, not the
// message's.
func read(a template.Alert, now time.Time) (record.Alert, outcome) {
	if a.Labels["autorollback"] != "true" {
		return record.Alert{}, ignored
	}
	service, trigger, region := a.Labels["service"], a.Labels["trigger"], a.Labels["region"]
	firing, said := status(a.Status)
	if !said || !nameForm.MatchString(trigger) ||
		service != "" && !nameForm.MatchString(service) || // the watchdog has none
		region != "" && !regionForm.MatchString(region) {
		return record.Alert{}, malformed
	}
	space := keepBytes
	return record.Alert{
		Service: service, Trigger: trigger, Region: region,
		Severity:    severity(a.Labels["severity"]),
		Firing:      firing,
		StartsAt:    a.StartsAt,
		Fingerprint: tame(a.Fingerprint, 64),
		Source:      record.Webhook,
		Labels:      tameAll(a.Labels, &space),
		Annotations: tameAll(a.Annotations, &space),
		ReceivedAt:  now,
	}, kept
}

func status(s string) (firing, said bool) {
	return s == "firing", s == "firing" || s == "resolved"
}

// severity is empty for a word we do not know: the runbook's word counts anyway.
func severity(s string) runbook.Severity {
	switch sev := runbook.Severity(s); sev {
	case runbook.Severe, runbook.Mild, runbook.Page:
		return sev
	}
	return ""
}

func outcomeOf(a record.Alert) outcome {
	if a.Firing {
		return firingAlert
	}
	return resolvedAlert
}
