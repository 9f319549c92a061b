package runbook

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// A kind is everything of a trigger that depends on its type. A new type is one entry in
// a table of such; a field that it does not need stays empty.
type kind struct {
	need, may []string                                // fields beside name, type, severity and for
	either    func(p *decoder, at string) []string    // more needed fields, by what is written
	defaults  func(p *decoder, at string, t *Trigger) // of its own fields
	window    time.Duration                           // default of for; 0: it must be written
	intervals Duration                                // the shortest window, instead of leastIntervals
	tooShort  string                                  // why no shorter one
	section   string                                  // of metrics, see sections
	check     func(p *decoder, at string, t Trigger, r *Runbook)

	uncompared bool                               // no events of either side to count, so no significance
	brief      bool                               // its level is looked at over the shortest honest window, all the time for the length of its own
	absolute   func(t Trigger) (name, why string) // about any version: what it is, and why it only pages

	sentence func(t Trigger) string
	reading  func(t Trigger, value float64) (effect, limit string) // see [Trigger.Reading]
	query    func(r *Runbook, t Trigger) string                    // PromQL that shows a human the number of each side
}

// kinds are all types of triggers.
var kinds = func() map[TriggerType]kind {
	all := maps.Clone(requestKinds)
	maps.Copy(all, dataKinds)
	return all
}()

func triggerTypes() []string {
	var out []string
	for t := range kinds {
		out = append(out, string(t))
	}
	slices.Sort(out)
	return out
}

// points says an effect and its limit in percentage points over stable.
func points(what string, t Trigger, value float64) (effect, limit string) {
	return what + " " + Figure(value*100) + " points above stable", Figure(float64(t.By)*100) + " points"
}

// toStable words a ratio to the stable side.
func toStable(what string, ratio float64) string {
	if ratio < 1 {
		return what + " " + Percent(1-ratio) + " below stable"
	}
	return what + " " + Percent(ratio-1) + " above stable"
}

func (t Trigger) steady() string {
	if t.Style == ByThreshold {
		return ", all the time"
	}
	return ""
}

// quantileName writes 0.95 as P95 and 0.999 as P99.9.
func quantileName(q float64) string { return "P" + trimPercent(Ratio(q)) }

func trimPercent(r Ratio) string { s := r.String(); return s[:len(s)-1] }

// number writes a float the way a person would.
func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
