package arming

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/rules"
)

const (
	// settles is how long after a release began what the daemon exports may take to arrive.
	settles = time.Minute
	// slowest is how far the clocks may be apart, whatever the interval.
	slowest = 5 * time.Second
)

// evaluated is exported for every open release from its first moment.
const evaluated = "autorollback_release_evaluated_timestamp_seconds"

// arrival checks that what the daemon exports about the release arrives under the labels
// that the rules use.
func (l *look) arrival(ctx context.Context) error {
	if l.now().Sub(l.rel.StartedAt) < settles {
		return nil
	}
	v, err := l.vector(ctx, evaluated)
	if err != nil {
		return err
	}
	want := map[string]string{"service": l.rb.Service, "region": l.rel.Region, "release": l.rel.ID}
	var near string
	for _, s := range v {
		wrong := ""
		for label, value := range want {
			if have := string(s.Metric[model.LabelName(label)]); have != value {
				wrong = label
				if string(s.Metric[model.LabelName("exported_"+label)]) == value {
					near = fmt.Sprintf("the daemon's own series have %s, and %s has become exported_%s", equal(label, have), label, label)
				}
			}
		}
		if wrong == "" {
			return nil
		}
	}
	if near != "" {
		l.find(Rewritten, nil, near+": the rules match nothing", "write `honor_labels: true` where Prometheus scrapes the daemon")
		return nil
	}
	what := "Prometheus has none of the series that the daemon exports about this release: the rules match nothing"
	if len(v) > 0 {
		what = "Prometheus scrapes a daemon, and none of its series is about this release: the rules match nothing"
	}
	l.find(Unscraped, nil, what, "let this Prometheus scrape the daemon's /metrics every 5s, with `honor_labels: true`")
	return nil
}

// loaded compares the service's rules with what the runbook asks for. An API without rules, as
// behind some query front-ends, tells nothing.
func (l *look) loaded(ctx context.Context) error {
	api, ok := l.api.(rules.API)
	if !ok {
		return nil
	}
	found, err := rules.LiveService(ctx, l.rb, api)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found = append(l.found, found...)
	return err
}

// lateness checks how old the newest number is that the service's rules have recorded. One that is
// not late is enough: a group evaluates its rules in one go.
func (l *look) lateness(ctx context.Context) error {
	group, err := rules.Compile(l.rb)
	if err != nil {
		return err
	}
	late, known := 0.0, false
	allowed := 2*l.rb.Metrics.Interval.Std() + slowest
	for _, r := range group.Rules {
		if r.Record == "" {
			continue
		}
		v, err := l.vector(ctx, fmt.Sprintf("time() - max(timestamp(%s{%s}))", r.Record, equal("service", l.rb.Service)))
		if err != nil {
			return err
		}
		if len(v) > 0 && (!known || float64(v[0].Value) < late) {
			late, known = float64(v[0].Value), true
		}
		if known && late <= allowed.Seconds() {
			return nil
		}
	}
	if known {
		l.find(Late, nil, fmt.Sprintf("rules are evaluated %.0f s late; %s are allowed for", late, allowed),
			"lower query_offset or the ruler's evaluation delay, or let the rule group finish in its interval")
	}
	return nil
}

// clock compares the daemon's clock with that of Prometheus.
func (l *look) clock(ctx context.Context) error {
	before := l.now()
	v, err := l.vector(ctx, "vector(time())")
	if err != nil || len(v) == 0 {
		return err
	}
	theirs := time.UnixMilli(int64(float64(v[0].Value) * 1000))
	ours := before.Add(l.now().Sub(before) / 2)
	if off := ours.Sub(theirs); off.Abs() > slowest {
		l.find(Clock, nil, fmt.Sprintf("the daemon's clock is %s off that of Prometheus: intervals end before their samples arrive, or long after", off.Round(time.Second)),
			"let both machines follow NTP")
	}
	return nil
}

// A configured Prometheus tells its configuration.
type configured interface {
	Config(ctx context.Context) (string, error)
}

// external finds external labels that have the name of one of ours: an alert that lacks it
// gets it on the way, and is taken for another one. Where the configuration cannot be read
// nothing is known.
func (l *look) external(ctx context.Context) error {
	api, ok := l.api.(configured)
	if !ok {
		return nil
	}
	text, err := api.Config(ctx)
	if err != nil {
		return nil //nolint:nilerr // many installations hide it
	}
	var c struct {
		Global struct {
			ExternalLabels map[string]string `yaml:"external_labels"`
		} `yaml:"global"`
	}
	if yaml.Unmarshal([]byte(text), &c) != nil {
		return nil
	}
	for _, label := range []string{"service", "region", "release", "trigger", "severity", "autorollback"} {
		value, there := c.Global.ExternalLabels[label]
		if !there || label == "region" && value == l.rel.Region {
			continue
		}
		l.find(External, nil, fmt.Sprintf("Prometheus has the external label %s: every alert without it gets it on the way to us", equal(label, value)),
			fmt.Sprintf("call the external label something else, or drop it in alert_relabel_configs (%s)", label))
	}
	return nil
}
