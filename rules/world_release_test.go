package rules

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// provedFrom makes every trigger significant from then on, but those on KPIs, whose gates
// chance opens all the time. Of them only the named ones are.
func provedFrom(begin time.Duration, kpis ...string) func(string, time.Duration) float64 {
	return func(trigger string, since time.Duration) float64 {
		if since < begin || strings.HasSuffix(trigger, "-drop") && !slices.Contains(kpis, trigger) {
			return 0.99
		}
		return 1
	}
}

// weigh notes when the candidate's weight moved.
func (w *world) weigh(since time.Duration) {
	for _, p := range w.pods {
		if now := w.weight(p, since); p.candidate() && now != w.weighed {
			w.weighed, w.moved = now, w.now
		}
	}
}

// release is what the daemon knows of the release now.
func (w *world) release(region string) record.Release {
	rel := release(region)
	rel.Weight, rel.WeightChangedAt, rel.StartedAt = runbook.Weight(int(w.weighed)), w.moved, w.start
	return rel
}

// significance is what a daemon tells of the triggers of a release.
func (w *world) significance(daemon int, p *pod, release string, since time.Duration) {
	for _, rb := range w.runbooks {
		for _, t := range rb.Triggers {
			v := w.proves(t.Name, since)
			if rb.Service != p.service || !t.Comparative() || v == 0 {
				continue
			}
			e := export{[]string{"__name__", SignificanceSeries, "job", "autorollback", "instance", "daemon" + strconv.Itoa(daemon),
				"service", p.service, "region", p.region, "release", release, "trigger", t.Name}, w.now, v}
			w.exported[strings.Join(e.labels, " ")] = e
		}
	}
}
