package gameday

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// A Record is what the metrics say about scheduled games.
type Record struct {
	Registry *prometheus.Registry
	success  *prometheus.GaugeVec
	since    *prometheus.GaugeVec
	passed   *prometheus.GaugeVec
	share    *prometheus.GaugeVec
}

const (
	successName = "autorollback_gameday_last_success_timestamp_seconds"
	sinceName   = "autorollback_gameday_scheduled_since_timestamp_seconds"
)

// NewRecord makes the metrics of the scenarios. A scenario that was never passed has
// the time 0; the time since which it is scheduled tells a new one from a broken one.
func NewRecord(scenarios []Scenario, now time.Time) *Record {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"scenario"})
	}
	r := &Record{Registry: prometheus.NewRegistry(),
		success: gauge(successName, "When the scenario was last passed; 0: never."),
		since:   gauge(sinceName, "Since when the scenario is played on a schedule."),
		passed:  gauge("autorollback_gameday_passed", "1 if the last game was passed."),
		share:   gauge("autorollback_gameday_checks_passed_ratio", "Share of the checks of the last game that were passed.")}
	r.Registry.MustRegister(r.success, r.since, r.passed, r.share)
	for _, s := range scenarios {
		r.success.WithLabelValues(s.Name).Set(0)
		r.since.WithLabelValues(s.Name).Set(float64(now.Unix()))
	}
	return r
}

// Resume takes what a file written by [Record.Write] says about the same scenarios, so
// that a restart forgets no success. No file is no error.
func (r *Record) Resume(file string) error {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read metrics: %w", err)
	}
	defer f.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(f)
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	for name, to := range map[string]*prometheus.GaugeVec{successName: r.success, sinceName: r.since} {
		for _, m := range families[name].GetMetric() {
			r.resume(to, m)
		}
	}
	return nil
}

// resume takes one value, of a scenario that is still played.
func (r *Record) resume(to *prometheus.GaugeVec, m *dto.Metric) {
	for _, l := range m.Label {
		// DeleteLabelValues says whether it was there.
		if l.GetName() == "scenario" && to.DeleteLabelValues(l.GetValue()) {
			to.WithLabelValues(l.GetValue()).Set(m.GetGauge().GetValue())
		}
	}
}

// Take notes a score.
func (r *Record) Take(s Score, now time.Time) {
	name := s.Scenario.Name
	r.passed.WithLabelValues(name).Set(0)
	if s.OK {
		r.passed.WithLabelValues(name).Set(1)
		r.success.WithLabelValues(name).Set(float64(now.Unix()))
	}
	if len(s.Checks) > 0 {
		r.share.WithLabelValues(name).Set(float64(s.Passed) / float64(s.Measured()))
	}
}

// Write writes the metrics for node_exporter's textfile collector, in one step.
func (r *Record) Write(file string) error {
	if err := prometheus.WriteToTextfile(file, r.Registry); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// AgeRules is a Prometheus rule file: it alerts when a scheduled scenario was not passed
// for longer than the age, when the last game was not passed, and when nobody plays at
// all. The alerts are for your team's own routes: the daemon is not concerned.
func AgeRules(age time.Duration) []byte {
	return fmt.Appendf(nil, `# Made by: autorollback gameday rules --max-age %[1]s
groups:
  - name: autorollback-gameday
    rules:
      # Neither passed nor put on the schedule for so long.
      - alert: AutorollbackGamedayTooOld
        expr: |
          time() - max by (scenario) (
            %[2]s
            or label_replace(%[3]s, "of", "since", "", "")
          ) > %[4]d
        labels: {severity: page}
        annotations:
          summary: 'Game day {{ $labels.scenario }} was last passed {{ $value | humanizeDuration }} ago'
          description: 'The drill has not been passed for longer than %[1]s. A rollback that is not practised is a hope. Look at its last report, or at why it does not run.'
      - alert: AutorollbackGamedayFailed
        expr: autorollback_gameday_passed == 0
        labels: {severity: ticket}
        annotations:
          summary: 'The last game day {{ $labels.scenario }} was not passed'
      - alert: AutorollbackGamedayAbsent
        expr: absent(%[2]s)
        for: 1h
        labels: {severity: page}
        annotations:
          summary: 'No game day reports its last success'
`, model.Duration(age), successName, sinceName, int(age.Seconds()))
}
