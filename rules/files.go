package rules

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/runbook"
)

// ruleFile is Prometheus' rule file as far as we compare it.
type ruleFile struct {
	Groups []struct {
		Name     string           `yaml:"name"`
		Interval runbook.Duration `yaml:"interval"`
		Rules    []struct {
			Record      string            `yaml:"record"`
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         runbook.Duration  `yaml:"for"`
			Keep        runbook.Duration  `yaml:"keep_firing_for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

func readFile(name string, text []byte) ([]loaded, error) {
	var f ruleFile
	if err := yaml.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("read rule file: %w", err)
	}
	var out []loaded
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			l := loaded{Rule: Rule{Record: r.Record, Alert: r.Alert, For: r.For, KeepFiringFor: r.Keep, Labels: r.Labels, Annotations: r.Annotations},
				text: r.Expr, file: name, group: g.Name, timed: true}
			if g.Interval > 0 {
				l.interval = g.Interval.String()
			}
			out = append(out, l)
		}
	}
	return out, nil
}
