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
// name is never corrected into another one. Only the entry's own status counts, not the
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
		Fingerprint: sanitize(a.Fingerprint, 64),
		Source:      record.Webhook,
		Labels:      sanitizeAll(a.Labels, &space),
		Annotations: sanitizeAll(a.Annotations, &space),
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

// leftOut is what of one body is not passed on: how many, and one of them as an example.
type leftOut struct {
	ignored, malformed int
	example            template.Alert // a malformed one if there is one
}

func (l *leftOut) note(what outcome, a template.Alert) {
	switch what {
	case ignored:
		if l.ignored++; l.ignored == 1 && l.malformed == 0 {
			l.example = a
		}
	case malformed:
		if l.malformed++; l.malformed == 1 {
			l.example = a
		}
	}
}

// say writes one line for the whole body. One that has names which cannot be names is a
// warning: it is labelled as ours, and nobody acts on it.
func (l *leftOut) say(log *zap.Logger) {
	if l.ignored+l.malformed == 0 {
		return
	}
	write, text := log.Info, "alerts left out: not labelled autorollback=\"true\""
	if l.malformed > 0 {
		write, text = log.Warn, "alerts left out: a name or a status that cannot be one"
	}
	a := l.example
	write(text, zap.Int("ignored", l.ignored), zap.Int("malformed", l.malformed), zap.String("status", sanitize(a.Status, keepName)),
		zap.String("alertname", sanitize(a.Labels["alertname"], keepName)), zap.String("service", sanitize(a.Labels["service"], keepName)),
		zap.String("trigger", sanitize(a.Labels["trigger"], keepName)), zap.String("region", sanitize(a.Labels["region"], keepName)))
}
