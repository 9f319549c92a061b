package receiver

import (
	"github.com/prometheus/alertmanager/template"
	"go.uber.org/zap"
)

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
	write(text, zap.Int("ignored", l.ignored), zap.Int("malformed", l.malformed), zap.String("status", tame(a.Status, keepName)),
		zap.String("alertname", tame(a.Labels["alertname"], keepName)), zap.String("service", tame(a.Labels["service"], keepName)),
		zap.String("trigger", tame(a.Labels["trigger"], keepName)), zap.String("region", tame(a.Labels["region"], keepName)))
}
