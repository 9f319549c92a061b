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
	words       [2]string
	pooled      string // events of which the stable pods' dispersion is measured
	phi         float64
}

func (b *book) features() *parts {
	f := b.Metrics.Features
	return &parts{events: b.raw(f.Nulls), all: b.raw(f.Rows), label: f.Label, each: !f.SharedRows,
		words: [2]string{"rows", "missing values"}, pooled: b.raw(f.Nulls), phi: 1}
}

// bounds mixes over bounds of the distribution: an event is a value at or below one.
func (b *book) bounds(t runbook.Trigger) *parts {
	d, _ := b.Metrics.Distribution(t.Distribution)
	cuts := cutsOf(d)
	series := d.Histogram + "_bucket"
	return &parts{events: b.raw(series, leIn(cuts)), all: b.raw(series, `le="+Inf"`), label: "le",
		words: [2]string{"values", "values at or below a bound"}, pooled: b.raw(series, leIn(cuts[len(cuts)/2:len(cuts)/2+1])), phi: phiShift}
}

// mostCuts is how many bounds of a distribution are looked at.
const mostCuts = 8

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
// how far the stable pods differ among themselves, all parts together.
func (b *book) partRules(s signal) []draft {
	const keys = "region, release, role, part"
	sc, p := b.everyone(), s.parts
	is := match("signal", s.name)
	events := fmt.Sprintf("%s (%s)", "sum by ("+keys+")", p.parted(b.sided(b.bornDelta(p.events, p.all), sc)))
	var out []draft
	all := func(text string, fixed ...string) {
		out = append(out, draft{record: seriesAll, text: text, labels: labelsOf(append([]string{"signal", s.name}, fixed...)...),
			comment: fmt.Sprintf("Signal %s: %s of each side and part in one interval.", s.name, p.words[0])})
	}
	if p.each {
		all(fmt.Sprintf("sum by (%s) (%s)", keys, p.parted(b.sided(b.delta(p.all), sc))))
	} else {
		for _, role := range []Role{Candidate, Stable} {
			all(fmt.Sprintf("0 * sum by (region, release, part) (%s) + on (region, release) group_left () sum by (region, release) (%s)",
				p.parted(b.sided("last_over_time("+p.events+"["+b.back+"])", sc)), b.sided(b.delta(p.all), sc, match("role", string(role)))), "role", string(role))
		}
	}
	out = append(out, draft{record: seriesBad, labels: labelsOf("signal", s.name), comment: fmt.Sprintf("Signal %s: %s; none yet is 0.", s.name, p.words[1]),
		text: fmt.Sprintf("%s or on (%s) 0 * %s", events, keys, sc.rec(seriesAll, is))})
	return append(out, b.pooledDispersion(s)...)
}

// pooledDispersion is [book.dispersion] without a series for each pod.
func (b *book) pooledDispersion(s signal) []draft {
	sc, p := b.everyone(), s.parts
	keys := "region, release, " + b.Metrics.PodLabel
	grown := func(series string) string {
		return fmt.Sprintf("sum by (%s) (%s)", keys, b.sided(fmt.Sprintf("increase(%s[%s])", series, levelWindow), sc, match("role", string(Stable))))
	}
	all := grown(p.all)
	bad := fmt.Sprintf("(%s or on (%s) 0 * %s)", grown(p.pooled), keys, all)
	sum := func(x string) string { return "sum by (region, release) (" + x + ")" }
	is := match("signal", s.name)
	label := labelsOf("signal", s.name)
	level := fmt.Sprintf("clamp_max(%s / (%s > 0), 1)", sum(bad), sum(all))
	recorded := sc.rec(seriesPool, is)
	phi := fmt.Sprintf(`(clamp_min(sum_over_time(%s[1h]) / (sum_over_time(%s[1h]) > 0), %s) and on (region, release) count by (region, release) (%s) >= %d)
		or on (region, release) (%s + 0 * group by (region, release) (%s))`,
		sc.rec(seriesPhiNum, is), sc.rec(seriesPhiDen, is), num(p.phi), all, leastPods, num(max(phiUnknown, p.phi)), sc.rec(seriesRole))
	return []draft{
		{record: seriesPool, labels: label, text: level, comment: fmt.Sprintf("Signal %s: dispersion among the stable pods, all parts together.", s.name)},
		{record: seriesPhiNum, labels: label, text: sum(fmt.Sprintf("(%s - %s * on (region, release) group_left () %s) ^ 2", bad, all, recorded))},
		{record: seriesPhiDen, labels: label, text: fmt.Sprintf("%[1]s * (1 - %[1]s) * on (region, release) group_left () (%[2]s - %[3]s / %[2]s)", recorded, sum(all), sum(all+" ^ 2"))},
		{record: seriesPhi, labels: label, text: phi},
	}
}
