package rules

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// parts are what a signal is mixed over: its evidence is the average of the evidence
// of each part, which is an e-value again, and its effect that of the worst part. The
// label "part" tells them apart.
type parts struct {
	events, all string // series of the service
	label       string // the label of events that becomes part
	each        bool   // all has that label as well
	fixed       bool   // every pod has every part from the start
	words       [2]string
	pooled      string // events of which the stable pods' dispersion is measured
}

func (b *book) features() *parts {
	f := b.Metrics.Features
	return &parts{events: b.raw(f.Nulls), all: b.raw(f.Rows), label: f.Label, each: !f.SharedRows,
		words: [2]string{"rows", "missing values"}, pooled: b.raw(f.Nulls)}
}

// bounds mixes over bounds of the distribution: an event is a value at or below one.
func (b *book) bounds(t runbook.Trigger) *parts {
	d, _ := b.Metrics.Distribution(t.Distribution)
	cuts := cutsOf(d)
	series := d.Histogram + "_bucket"
	return &parts{events: b.raw(series, leIn(cuts)), all: b.raw(series, `le="+Inf"`), label: "le", fixed: true,
		words: [2]string{"values", "values at or below a bound"}, pooled: b.raw(series, leIn(cuts[len(cuts)/2:len(cuts)/2+1]))}
}

// mostCuts is how many bounds of a distribution are looked at.
const mostCuts = 4

// cutsOf are up to mostCuts bounds, evenly picked from those of the distribution.
func cutsOf(d runbook.Distribution) []float64 {
	n := len(d.Buckets)
	if n <= mostCuts {
		return d.Buckets
	}
	var out []float64
	for i := range mostCuts {
		out = append(out, d.Buckets[(2*i+1)*n/(2*mostCuts)])
	}
	return out
}

// leIn matches bounds in either spelling: 1 and 1.0.
func leIn(bounds []float64) string { return boundsIn("le", bounds) }

func boundsIn(label string, bounds []float64) string {
	var out []string
	for _, v := range bounds {
		text := num(v)
		if strings.ContainsAny(text, ".e") {
			out = append(out, strings.ReplaceAll(strings.ReplaceAll(text, ".", "[.]"), "+", "[+]"))
		} else {
			out = append(out, text+"([.]0)?")
		}
	}
	return fmt.Sprintf("%s=~%q", label, strings.Join(out, "|"))
}

// parted gives the series a label part.
func (p parts) parted(expr string) string {
	return fmt.Sprintf(`label_replace(%s, "part", "$1", %q, "(.*)")`, expr, p.label)
}

// partRules record, for each side, part and interval, opportunities and events; and
// for each stable pod the sum of its parts, from which the dispersion is measured.
func (b *book) partRules(s signal) []draft {
	const keys = "region, release, role, part"
	sc, p := b.everyone(), s.parts
	is := match("signal", s.name)
	label := func(fixed ...string) map[string]string {
		return labelsOf(append([]string{"signal", s.name}, fixed...)...)
	}
	var out []draft
	all := func(text string, fixed ...string) {
		out = append(out, draft{record: seriesAll, text: text, labels: label(fixed...),
			comment: fmt.Sprintf("Signal %s: %s of each side in one interval.", s.name, p.words[0])})
	}
	switch {
	case p.each:
		all(fmt.Sprintf("sum by (%s) (%s)", keys, p.parted(b.sidedSum(b.delta(p.all), p.label, sc))))
	case p.fixed:
		all(fmt.Sprintf("sum by (region, release, role) (%s)", b.sided(b.delta(p.all), sc)))
	default:
		for _, role := range []runbook.Role{runbook.Candidate, runbook.Stable} {
			all(fmt.Sprintf("0 * sum by (region, release, part) (%s) + on (region, release) group_left () sum by (region, release) (%s)",
				p.parted(b.sidedSum("last_over_time("+p.events+"["+b.back+"])", p.label, sc)), b.sided(b.delta(p.all), sc, match("role", string(role)))), "role", string(role))
		}
	}
	out = append(out, b.partPods(s))
	events := b.delta(p.events)
	if !p.fixed {
		events = b.bornDelta(p.events) + " and " + b.present(s.name)
	}
	bad := fmt.Sprintf("sum by (%s) (%s)", keys, p.parted(b.sidedSum(events, p.label, sc)))
	if !p.fixed {
		bad += fmt.Sprintf(" or on (%s) 0 * %s", keys, sc.rec(seriesAll, is))
	}
	out = append(out, draft{record: seriesBad, labels: label(), text: bad, comment: fmt.Sprintf("Signal %s: %s of each side and part in one interval.", s.name, p.words[1])})
	return append(out, b.stablePods(s))
}

// partPods are the opportunities of each pod, all parts together.
func (b *book) partPods(s signal) draft {
	return draft{record: seriesPodAll, labels: labelsOf("signal", s.name), text: b.ofPods(s.parts.all),
		comment: fmt.Sprintf("Signal %s: %s of each pod in one interval, all parts together.", s.name, s.parts.words[0])}
}

// stablePods are the events of each stable pod from which the dispersion is measured.
func (b *book) stablePods(s signal) draft {
	keys, stable := "region, release, role, "+b.Metrics.PodLabel, match("role", string(runbook.Stable))
	return draft{record: seriesPodBad, labels: labelsOf("signal", s.name),
		text:    fmt.Sprintf("%s or on (%s) 0 * %s", b.ofPods(s.parts.pooled, stable), keys, b.everyone().rec(seriesPodAll, match("signal", s.name), stable)),
		comment: fmt.Sprintf("Signal %s: %s of each stable pod, for the dispersion.", s.name, s.parts.words[1])}
}

func (b *book) ofPods(series string, of ...string) string {
	return fmt.Sprintf("sum by (region, release, role, %s) (%s)", b.Metrics.PodLabel, b.sidedSum(b.delta(series), b.Metrics.PodLabel, b.everyone(), of...))
}
