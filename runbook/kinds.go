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

	uncompared bool                               // nothing to hold against stable, so no evidence
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

// three writes three significant digits, without an exponent where it can.
func three(f float64) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 3, 64), 64)
	if err != nil {
		return number(f)
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// points says an effect and its limit in percentage points over stable.
func points(what string, t Trigger, value float64) (effect, limit string) {
	return what + " " + three(value*100) + " points above stable", three(float64(t.By)*100) + " points"
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
