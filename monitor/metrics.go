package monitor

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	ofTrigger        = []string{"service", "region", "release", "trigger"}
	significanceDesc = prometheus.NewDesc("autorollback_trigger_significance", "At least 1 if the difference between the sides is proved and not one pod's doing; absent while not known.", ofTrigger, nil)
	effectDesc       = prometheus.NewDesc("autorollback_trigger_effect", "The trigger's number over its window, as the runbook states it.", ofTrigger, nil)
	levelDesc        = prometheus.NewDesc("autorollback_trigger_level", "What the trigger compares: each side's event share, quantile in seconds or mean, over its window.", append(ofTrigger[:len(ofTrigger):len(ofTrigger)], "role"), nil)
	smallestDesc     = prometheus.NewDesc("autorollback_trigger_smallest_provable_effect", "The smallest effect that could be proved now, in the unit of the effect; absent if none could.", ofTrigger, nil)
	dispersionDesc   = prometheus.NewDesc("autorollback_trigger_dispersion", "How much more than by chance the stable pods differ; 1: by chance alone. It divides the log e-values.", ofTrigger, nil)
	evaluatedDesc    = prometheus.NewDesc("autorollback_release_evaluated_timestamp_seconds", "End of the newest interval that was evaluated; 0: none yet.", ofTrigger[:3], nil)
)

// Describe implements prometheus.Collector.
func (m *Monitor) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{significanceDesc, effectDesc, levelDesc, smallestDesc, dispersionDesc, evaluatedDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What is older than [Fresh] intervals is not
// exported; the time of the last evaluation is.
func (m *Monitor) Collect(ch chan<- prometheus.Metric) {
	for _, s := range m.Snapshots() {
		at := 0.0
		if !s.At.IsZero() {
			at = float64(s.At.UnixMilli()) / 1000
		}
		rel := s.Release
		ch <- prometheus.MustNewConstMetric(evaluatedDesc, prometheus.GaugeValue, at, rel.Service, rel.Region, rel.ID)
		if s.problem(time.Now()) == "" {
			s.collect(ch)
		}
	}
}

func (s Snapshot) collect(ch chan<- prometheus.Metric) {
	for trigger, r := range s.Results {
		of := []string{s.Release.Service, s.Release.Region, s.Release.ID, trigger}
		say := func(d *prometheus.Desc, v float64, more ...string) {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append(of[:len(of):len(of)], more...)...)
			}
		}
		if !math.IsNaN(r.Significance) {
			say(significanceDesc, known(r.Significance))
		}
		say(effectDesc, r.Effect)
		say(levelDesc, r.Level[0], "candidate")
		say(levelDesc, r.Level[1], "stable")
		say(dispersionDesc, r.Dispersion)
		if v, ok := s.Smallest[trigger]; ok {
			say(smallestDesc, v)
		}
	}
}
