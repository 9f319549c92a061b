package rules

import (
	"maps"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// podSeries are one pod's counters for a signal; part adds up parts of the mix.
func (b *book) podSeries(s signal, pod map[string]string, part func(...int) tally) ([]unitSeries, error) {
	w := &podWriter{b: b, pod: pod, part: part}
	switch b.kindOf(s) {
	case latencyKind:
		w.buckets(b.histogram(), b.Metrics.Latency.Buckets)
	case valuesKind:
		d, _ := b.Metrics.Distribution(distributionOf(s))
		w.buckets(b.raw(d.Histogram+"_bucket"), d.Buckets)
	case featuresKind:
		w.features(s.parts)
	default:
		if s.name == trafficSignal {
			s = b.signalOf(runbook.Trigger{Type: runbook.ErrorRate})
		}
		if s.isMean() {
			w.mean(s)
			break
		}
		w.counters(s)
	}
	return w.out, w.err
}

// A podWriter writes series until the first error.
type podWriter struct {
	b    *book
	pod  map[string]string
	part func(...int) tally
	out  []unitSeries
	err  error
}

// add writes a series that a selector selects.
func (w *podWriter) add(selector string, more map[string]string, parts ...int) {
	t := w.part(parts...)
	t.born = false
	w.write(selector, more, t)
}

// bad writes a counter of bad ones, which may begin with the first of them.
func (w *podWriter) bad(selector string, more map[string]string, part int) {
	w.write(selector, more, w.part(part))
}

func (w *podWriter) write(selector string, more map[string]string, t tally) {
	name, of, err := w.b.invent(selector)
	if err != nil {
		w.err = err
		return
	}
	maps.Copy(of, more)
	maps.Copy(of, w.pod)
	w.out = append(w.out, unitSeries{labelled(name, of), t.text()})
}

func (w *podWriter) buckets(selector string, bounds []float64) {
	var below []int
	for i := 0; i <= len(bounds); i++ {
		le := "+Inf"
		if i < len(bounds) {
			le = num(bounds[i])
		}
		below = append(below, i)
		w.add(selector, map[string]string{"le": le}, below...)
	}
}

func (w *podWriter) features(p *parts) {
	for i, feature := range []string{"age", "city"} {
		w.bad(p.events, map[string]string{p.label: feature}, i)
		if p.each {
			w.add(p.all, map[string]string{p.label: feature}, 2)
		}
	}
	if !p.each {
		w.add(p.all, nil, 2)
	}
}

func (w *podWriter) counters(s signal) {
	allName, _, err := w.b.invent(s.all.series)
	if err != nil {
		w.err = err
		return
	}
	badName, _, err := w.b.invent(s.bad.series)
	if err != nil {
		w.err = err
		return
	}
	if allName != badName {
		w.add(s.all.series, nil, 0, 1)
		w.bad(s.bad.series, nil, 1)
		return
	}
	good, err := w.b.otherwise(s.all.series, s.bad.series)
	if err != nil {
		w.err = err
		return
	}
	w.add(s.all.series, good, 0)
	w.bad(s.bad.series, nil, 1)
}

// distributionOf names the distribution that a signal is about.
func distributionOf(s signal) string { return strings.TrimPrefix(s.name, "shift_") }
