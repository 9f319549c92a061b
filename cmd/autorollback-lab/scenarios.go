package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/runbook"
)

// A scenario is one whole story of the demo: what its runbook has beyond the common one,
// and what happens.
type scenario struct {
	title   string
	rollout string // YAML that is put under the demo's runbook
	third   bool   // there are pods of a version v3
	rate    int    // requests per second; 0: demoRate
	busy    bool   // how fast the machine is proves nothing
	without string // the source of alerts that there is not: webhook or watcher; empty: both are there
	drill   bool   // with the triggers on data, and somebody who hears the messages
	tell    func(*show, context.Context) error
}

// scenarios are the stories of demo --story.
func scenarios() map[string]scenario {
	return map[string]scenario{
		"canary":    {title: "a good release climbs automatically, the next one is bad", rollout: canaryRollout, third: true, rate: demoRate / 2, tell: (*show).tellCanary},
		"bluegreen": flipScenario("bluegreen", (*show).tellBlueGreen),
		"encoder":   flipScenario("encoder", (*show).tellEncoder),
		"shadow":    {title: "a candidate is compared before any user sees it: blocked for one country's night, fixed, let in", rollout: shadowRollout, third: true, rate: 5, tell: (*show).tellShadow},
	}
}

func titles() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(scenarios())) {
		all = append(all, name+": "+scenarios()[name].title)
	}
	return strings.Join(all, "; ")
}

// flipScenario is a story of blue and green.
func flipScenario(name string, tell func(*show, context.Context) error) scenario {
	f := demo.Flips()[name]
	return scenario{title: f.Title, rollout: f.Rollout, rate: f.Rate, tell: tell}
}

// breachScenario is a story of --breach: one release at one share.
func breachScenario(s demo.Breach) scenario {
	return scenario{title: s.Title, tell: func(d *show, ctx context.Context) error { return d.tellBreach(ctx, s) }}
}

// more are the pods beside v1 and v2.
func (d *show) more() []demo.Kind {
	if !d.scenario.third {
		return nil
	}
	d.next = demo.NewVersion("v3", demo.Well)
	d.next.Encoder = "v5"
	return []demo.Kind{{Version: d.next, Backend: "ranker-v3", Pods: 2}}
}

// launch is the demo's release file with changes.
func launch(change func(*runbook.Launch)) ([]byte, error) {
	l, err := runbook.ParseLaunch("release.yaml", demo.Release)
	if err != nil {
		return nil, err
	}
	change(&l)
	text, err := yaml.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("write release: %w", err)
	}
	return text, nil
}

// afterNext makes v2 the stable side and v3, a model of its own with v2's encoder, the
// candidate.
func afterNext(l *runbook.Launch) {
	l.Stable = l.Candidate
	l.Candidate.Version, l.Candidate.Backend = "v3", "ranker-v3"
	l.Candidate.Bundle.Model.Image = strings.ReplaceAll(l.Candidate.Bundle.Model.Image, "2222", "3333")
	l.Candidate.Bundle.Model.Registry.Version = "13"
}
