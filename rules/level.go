package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// A level is what one side of a release does, as one number over a window: the share of
// requests that fail, a quantile. It is recorded once, for both sides, and read by
// everything that needs it.
type level struct {
	name, op string
	window   runbook.Duration
	words    string // for the reader: "The share of requests that fail"
	// expr is the level in a window, ready to be multiplied.
	expr func(w window) string
	part string // the label that tells parts apart; empty: there are none
	nan  bool   // without opportunities expr is NaN, which is dropped then
	gain bool   // of a KPI: 0 on both sides says that nothing is counted
	lent bool   // of the drift gauges, which know versions and no regions
}

// series is the level's name, level:metric:operation.
func (l level) series() string {
	switch {
	case l.lent:
		return recordPrefix + l.name + ":" + l.op
	case l.op == "":
		return fmt.Sprintf("%s%s:rate%s", recordPrefix, l.name, l.window)
	}
	return fmt.Sprintf("%s%s:%s_rate%s", recordPrefix, l.name, l.op, l.window)
}

// levels are all levels that the triggers read, each once, in the runbook's order.
func (b *compiler) levels() []level {
	var out []level
	seen := map[string]bool{}
	for _, t := range b.Triggers {
		for _, l := range b.levelsOf(t) {
			if !seen[l.series()] {
				seen[l.series()] = true
				out = append(out, l)
			}
		}
	}
	return out
}

// levelsOf are those that a trigger reads, the one of its signal first.
func (b *compiler) levelsOf(t runbook.Trigger) []level {
	levels := kinds[t.Type].levels
	if t.Absolute() || levels == nil {
		return nil
	}
	out := levels(b, t)
	for i := range out {
		out[i].window = t.EffectWindow(b.Metrics.Step())
	}
	return out
}

// level is the level of a trigger's signal.
func (b *compiler) level(t runbook.Trigger) level { return b.levelsOf(t)[0] }
