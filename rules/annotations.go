package rules

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// A wording is what an alert says: the sentence of the runbook, the value as a
// template of Prometheus, the threshold.
type wording struct{ sentence, value, threshold string }

const where = `{{ with $labels.region }} in region {{ . }}{{ end }}{{ with $labels.release }}, release {{ . }}{{ end }}`

func (b *compiler) wording(t runbook.Trigger) wording {
	w := kinds[t.Type].wording(b, t)
	w.value += b.proof(t)
	return w
}

// proof says what stands behind the alert beside the effect.
func (b *compiler) proof(t runbook.Trigger) string {
	switch {
	case b.Metrics.ByRouter() && t.Style == runbook.ByThreshold:
		return fmt.Sprintf(" Effect over %s, all the time for %s, and enough samples, says the daemon (autorollback_trigger_significance >= 1). It is not tested against chance, and may be one pod's doing: routers count.", 4*b.Metrics.Step(), t.For)
	case b.Metrics.ByRouter() && t.Proved():
		return fmt.Sprintf(" Effect over %s; not chance, says the daemon (autorollback_trigger_significance >= 1). It may be one pod's doing: routers count.", t.For)
	case t.Style == runbook.ByThreshold:
		return fmt.Sprintf(" Effect over %s, all the time for %s, enough samples and not one pod's doing, says the daemon (autorollback_trigger_significance >= 1). It is not tested against chance.", 4*b.Metrics.Step(), t.For)
	case kinds[t.Type].anyPod:
		return fmt.Sprintf(" Effect over %s; not chance, says the daemon (autorollback_trigger_significance >= 1).", t.For)
	case t.Proved():
		return fmt.Sprintf(" Effect over %s; not chance, nor one pod, says the daemon (autorollback_trigger_significance >= 1).", t.For)
	default:
		return ""
	}
}

// untemplated keeps Prometheus from reading a text of the runbook as a template.
func untemplated(text string) string { return strings.ReplaceAll(text, "{{", "{ {") }
