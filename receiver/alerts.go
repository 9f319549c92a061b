package receiver

import (
	"cmp"
	"regexp"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

var (
	nameForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	regionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
)

// A sorting is the alerts of a body by what becomes of them, in the order they came.
type sorting map[outcome][]record.Alert

func (s sorting) take(a entry, now time.Time) {
	alert, what := read(a, now)
	s[what] = append(s[what], alert)
}

// account counts every alert of a body that was read to its end, and returns those for us.
func (r *Receiver) account(got delivery, by sorting) []record.Alert {
	for _, alert := range by[kept] {
		what := outcomeOf(alert)
		if !r.known(alert.Service, alert.Trigger) {
			what = unknown
		}
		r.metrics.alerts.WithLabelValues(string(what)).Inc()
	}
	for _, what := range []outcome{ignored, malformed} {
		r.metrics.alerts.WithLabelValues(string(what)).Add(float64(len(by[what])))
	}
	r.leaveOut(by[ignored], by[malformed])
	if got.TruncatedAlerts > 0 {
		r.metrics.alerts.WithLabelValues(string(truncated)).Add(float64(min(got.TruncatedAlerts, maxTruncated)))
		r.log.Warn("Alertmanager left alerts out of its message (max_alerts); the watcher finds them",
			zap.Uint64("truncated", got.TruncatedAlerts), zap.Int("sent", got.Alerts))
	}
	return by[kept]
}

// maxTruncated bounds what one forged body can add to a counter.
const maxTruncated = 1 << 20

// read makes an alert of one entry of the body. Names are judged as they came: a
// name is never corrected into another one. Only the entry's own status counts, not the
// message's.
func read(a entry, now time.Time) (record.Alert, outcome) {
	if a.Labels["autorollback"] != "true" {
		return hint(a, now), ignored
	}
	service, trigger, region := a.Labels["service"], a.Labels["trigger"], a.Labels["region"]
	firing, said := status(a.Status)
	if !said || !nameForm.MatchString(trigger) ||
		service != "" && !nameForm.MatchString(service) || // the watchdog has none
		region != "" && !regionForm.MatchString(region) {
		return hint(a, now), malformed
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

// hint is what can be told of an entry that is left out: no name in it is one, and its trigger
// is the alert's name where it has none.
func hint(a entry, now time.Time) record.Alert {
	short := func(label string) string { return sanitize(a.Labels[label], keepName) }
	return record.Alert{Service: short("service"), Trigger: cmp.Or(short("trigger"), short("alertname")),
		Region: short("region"), Firing: a.Status == "firing", StartsAt: a.StartsAt, Source: record.Webhook, ReceivedAt: now,
		Labels: map[string]string{"status": sanitize(a.Status, keepName)}}
}

// leaveOut accounts for what of one body is not passed on, and writes one line for all of it,
// with one of them as an example. Names which cannot be names are a warning: such an alert is
// labelled as ours, and nobody acts on it.
func (r *Receiver) leaveOut(notOurs, bad []record.Alert) {
	if len(notOurs)+len(bad) == 0 {
		return
	}
	r.intake.LeftOut(notOurs, record.NotOurs)
	r.intake.LeftOut(bad, record.Malformed)
	write, text := r.log.Info, "alerts left out: not labelled autorollback=\"true\""
	if len(bad) > 0 {
		write, text = r.log.Warn, "alerts left out: a name or a status that cannot be one"
	}
	a := append(bad, notOurs...)[0]
	write(text, zap.Int("ignored", len(notOurs)), zap.Int("malformed", len(bad)), zap.String("status", a.Labels["status"]),
		zap.String("service", a.Service), zap.String("trigger", a.Trigger), zap.String("region", a.Region))
}
