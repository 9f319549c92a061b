package arming

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// eventsWithin is how far back a matcher of events may have selected something: errors are
// rare, and a matcher that never selected any is not told from one that cannot.
const eventsWithin = "1d"

// measure checks the series that one measure counts.
func (l *look) measure(ctx context.Context, m rules.Measure) error {
	concerns := l.triggers(m.Name)
	if m.Name == analysis.Requests {
		concerns = nil // everything rests on requests
	}
	if m.Histogram != nil {
		if ok, err := l.exists(ctx, m.Histogram, concerns); !ok || err != nil {
			return err
		}
		return l.bounds(ctx, m, concerns)
	}
	if ok, err := l.exists(ctx, m.All, concerns); !ok || err != nil {
		return err
	}
	for _, more := range [][]*labels.Matcher{m.More, m.Squares} {
		if more == nil {
			continue
		}
		if _, err := l.exists(ctx, more, concerns); err != nil {
			return err
		}
	}
	if err := l.events(ctx, m); err != nil {
		return err
	}
	if m.Name == analysis.Requests {
		if err := l.once(ctx, m); err != nil {
			return err
		}
		if err := l.vanished(ctx, m.All, nil); err != nil {
			return err
		}
	}
	if m.Part == "" && m.Squares == nil && m.More == nil {
		return l.share(ctx, m)
	}
	return nil
}

// uncounted checks the triggers of which nothing is counted, since no significance is known of
// them: each must have a number.
func (l *look) uncounted(ctx context.Context) error {
	for _, t := range l.rb.Triggers {
		if t.Absolute() || slices.ContainsFunc(l.measures, func(m rules.Measure) bool { return m.Name == analysis.MeasureOf(t) }) {
			continue
		}
		effect, err := l.ask.Effect(t.Name, l.rel)
		if err != nil {
			return err
		}
		if ok, err := l.there(ctx, effect.String()); ok || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		l.find(Series, []string{t.Name}, fmt.Sprintf("trigger %s gets no data: %s", t.Name, effect), "correct the series that it is made of")
	}
	return nil
}

// exists checks that a series is there and tells the version of both sides. It reports
// whether it is worth while to look further.
func (l *look) exists(ctx context.Context, matchers []*labels.Matcher, concerns []string) (bool, error) {
	v, err := l.vector(ctx, fmt.Sprintf("count by (%s) (%s)", runbook.LabelName(l.label), l.rb.Metrics.Joined(l.selector(matchers))))
	if err != nil {
		return false, err
	}
	if len(v) == 0 {
		return false, l.missing(ctx, matchers, concerns)
	}
	have := make([]string, 0, len(v))
	for _, s := range v {
		have = append(have, string(s.Metric[model.LabelName(l.label)]))
	}
	slices.Sort(have)
	if len(have) == 1 && have[0] == "" && (l.rb.Metrics.Track == nil || l.rb.Metrics.Track.Stable != "") {
		l.find(Version, concerns, fmt.Sprintf("no series of %s carries the label %s, so the sides cannot be told apart", name(matchers), l.label),
			fmt.Sprintf("put %s on the pods' targets, or correct metrics.version_label", l.label))
		return false, nil
	}
	if l.rel.ID != "" && !slices.Contains(have, l.stable()) {
		l.find(Version, concerns, fmt.Sprintf("%s has no series with %s: there are %s", name(matchers), equal(l.label, l.stable()), strings.Join(have, ", ")),
			"start the stable pods, or correct the version that the release names")
		return false, nil
	}
	return true, nil
}

// missing says why nothing is told of series: they are not there, or the join finds none.
func (l *look) missing(ctx context.Context, matchers []*labels.Matcher, concerns []string) error {
	j := l.rb.Metrics.Join
	if j == nil {
		return l.absent(ctx, matchers, concerns)
	}
	ok, err := l.there(ctx, "count("+l.selector(matchers)+")")
	switch {
	case err != nil:
		return err
	case !ok:
		return l.absent(ctx, matchers, concerns)
	}
	if ok, err = l.there(ctx, "count("+j.Newest()+")"); err != nil {
		return err
	} else if !ok {
		l.find(Version, concerns, "Prometheus has no series "+j.Series()+", which tells the sides apart", "correct metrics.join, or let Prometheus scrape what exposes it")
		return nil
	}
	l.find(Version, concerns, fmt.Sprintf("no series of %s has the same %s as one of %s, so the sides cannot be told apart", name(matchers), strings.Join(j.On, " and "), j.Series()),
		"name under metrics.join.on labels that have the same values on both")
	return nil
}

// stable is the stable side's value of the label.
func (l *look) stable() string {
	if t := l.rb.Metrics.Track; t != nil {
		return t.Stable
	}
	return l.rel.Stable.Version
}

// absent says why matchers select nothing: the metric is not there, or one of the matchers
// is to blame.
func (l *look) absent(ctx context.Context, matchers []*labels.Matcher, concerns []string) error {
	metric := name(matchers)
	ok, err := l.there(ctx, "count({"+equal(labels.MetricName, metric)+"})")
	if err != nil {
		return err
	}
	if !ok {
		return l.unknown(ctx, metric, concerns)
	}
	for i, m := range matchers {
		if m.Name == labels.MetricName {
			continue
		}
		ok, err := l.there(ctx, "count("+l.selector(slices.Delete(slices.Clone(matchers), i, i+1))+")")
		if err != nil {
			return err
		}
		if ok {
			l.find(Matcher, concerns, fmt.Sprintf("no series of %s matches %s", metric, m), "correct the matcher in the runbook")
			return nil
		}
	}
	l.find(Matcher, concerns, fmt.Sprintf("no series of %s matches %s", metric, l.selector(matchers)), "correct the matchers in the runbook")
	return nil
}

// unknown says that there is no such metric, and what may have been meant.
func (l *look) unknown(ctx context.Context, metric string, concerns []string) error {
	base, isBucket := strings.CutSuffix(metric, "_bucket")
	others := []struct{ metric, fix string }{
		{metric + "_bucket", "write `kind: classic`: it is a classic histogram"},
		{metric + "_total", "write " + metric + "_total"},
		{metric + "_count", "write " + metric + "_count, or that it is a histogram"},
	}
	if isBucket {
		others = []struct{ metric, fix string }{{base, "write `kind: native`: it is a native histogram"}, {base + "_sum", "it has no buckets: declare `sum` and `count` instead"}}
	}
	for _, o := range others {
		ok, err := l.there(ctx, "count({"+equal(labels.MetricName, o.metric)+"})")
		if err != nil {
			return err
		}
		if ok {
			l.find(Series, concerns, fmt.Sprintf("Prometheus has no series %s, but it has %s", metric, o.metric), o.fix)
			return nil
		}
	}
	l.find(Series, concerns, "Prometheus has no series "+metric, "correct the name in the runbook, or let the pods expose it")
	return nil
}

// events checks that the matchers of events select something, or have within a day.
func (l *look) events(ctx context.Context, m rules.Measure) error {
	if len(m.Bad) == 0 || m.Name == analysis.Traffic {
		return nil
	}
	if concerns := l.triggers(m.Name); l.successes(concerns) {
		_, err := l.exists(ctx, m.Bad, concerns)
		return err
	}
	for _, query := range []string{"count(%s)", "count(last_over_time(%s[" + eventsWithin + "]))"} { // a day costs much, and is rarely needed
		if ok, err := l.there(ctx, fmt.Sprintf(query, l.selector(m.Bad))); ok || err != nil {
			return err
		}
	}
	if m.Name == analysis.Requests && l.rb.Metrics.Requests.ErrorsAppear {
		return nil
	}
	concerns := l.errorTriggers(m.Name)
	if name(m.Bad) != name(m.All) {
		return l.absent(ctx, m.Bad, concerns)
	}
	l.find(Matcher, concerns, fmt.Sprintf("%s selects no series, and did not within a day: that is not the same as no errors", l.selector(m.Bad)),
		"correct metrics.requests.errors, or write `errors_appear: true` if such a series appears with the first error")
	return nil
}

// successes reports whether a measure's events are wanted ones: of these there are always some,
// and a drop to none because the series went away is no drop.
func (l *look) successes(triggers []string) bool {
	return slices.ContainsFunc(triggers, func(name string) bool {
		t, _ := l.rb.Trigger(name)
		return t.Type == runbook.KPIDrop
	})
}

// errorTriggers are those that count events of a measure: the share of traffic does not.
func (l *look) errorTriggers(measure string) []string {
	out := l.triggers(measure)
	for _, t := range l.rb.Triggers {
		if measure == analysis.Requests && t.Absolute() && t.Above > 0 {
			out = append(out, t.Name)
		}
	}
	return out
}

// share checks that there are no more events than opportunities, with a little room for
// scrapes between the two.
func (l *look) share(ctx context.Context, m rules.Measure) error {
	if len(m.Bad) == 0 {
		return nil
	}
	v, err := l.vector(ctx, fmt.Sprintf("sum(increase(%s[5m])) / (sum(increase(%s[5m])) > 0) > 1.05", l.selector(m.Bad), l.selector(m.All)))
	if err != nil || len(v) == 0 {
		return err
	}
	l.find(Share, l.errorTriggers(m.Name), fmt.Sprintf("%s counts %.0f %% of %s", name(m.Bad), 100*float64(v[0].Value), name(m.All)),
		"the two do not count the same things: correct the counters or their matchers")
	return nil
}

// copies are labels that tell two scrapes of one pod apart, not two pods.
var copies = []string{"job", "endpoint", "prometheus", "prometheus_replica", "replica", "__replica__", "receive_replica", "cluster"}

// once checks that each pod is counted once.
func (l *look) once(ctx context.Context, m rules.Measure) error {
	pod := l.rb.Metrics.PodLabel
	labels := slices.DeleteFunc(slices.Clone(copies), func(c string) bool { return c == pod || c == l.label || slices.Contains(l.rb.Metrics.IgnoreLabels, c) })
	v, err := l.vector(ctx, fmt.Sprintf("count by (%s) (%s)", strings.Join(append([]string{runbook.LabelName(pod)}, labels...), ", "), l.selector(m.All)))
	if err != nil {
		return err
	}
	seen := map[string]model.Metric{}
	for _, s := range v {
		p := string(s.Metric[model.LabelName(pod)])
		before, ok := seen[p]
		seen[p] = s.Metric
		if !ok {
			continue
		}
		for _, c := range labels {
			if a, b := before[model.LabelName(c)], s.Metric[model.LabelName(c)]; a != b {
				l.find(Doubled, nil, fmt.Sprintf("%s is counted twice: %s is %q and %q", p, c, a, b),
					fmt.Sprintf("let metrics.selector name one of the two, e.g. %s; or, if both see the same, write `ignore_labels: [%s]`", equal(c, string(a)), c))
				return nil
			}
		}
	}
	return nil
}

// vanished finds series that went away while their pod is scraped, as of an exporter that
// lets idle series expire: what they counted before looks new when they come back.
func (l *look) vanished(ctx context.Context, matchers []*labels.Matcher, concerns []string) error {
	pod, series := runbook.LabelName(l.rb.Metrics.PodLabel), l.selector(matchers)
	v, err := l.vector(ctx, fmt.Sprintf("group by (%[1]s) (%[2]s offset 2m unless %[2]s) and on (%[1]s) group by (%[1]s) (%[2]s or up == 1)", pod, series))
	if err != nil || len(v) == 0 {
		return err
	}
	l.find(Vanished, concerns, fmt.Sprintf("series of %s went away while %s is scraped", name(matchers), v[0].Metric[model.LabelName(l.rb.Metrics.PodLabel)]),
		"let the exporter keep idle series: one that comes back counts as new")
	return nil
}
