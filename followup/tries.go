package followup

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A try is the runbook with one trigger changed or added.
type try struct {
	rb      *runbook.Runbook
	trigger runbook.Trigger
	instead string // the name of the runbook's trigger that it is a change of; empty: it is new
}

// How much of a trigger's number, and of its window, is tried: the mildest change first.
var (
	numbers = []float64{1, 0.5, 0.25}
	windows = []float64{1, 0.5}
)

// tries are the triggers that are tried for an incident that first opened; empty: of a human's order.
func tries(rb *runbook.Runbook, first string) []try {
	var all []try
	t, ok := rb.Trigger(first)
	if ok && t.Comparative() {
		for _, window := range windows {
			for _, number := range numbers {
				all = appendChanged(all, rb, t, number, window)
			}
		}
	}
	for _, other := range rb.Triggers {
		if other.Comparative() && other.Name != first {
			all = appendChanged(appendChanged(all, rb, other, 1, 0.5), rb, other, 0.5, 0.5)
		}
	}
	window := runbook.Duration(3 * time.Minute)
	if ok && t.For > 0 && t.For < window {
		window = t.For
	}
	for _, t := range absent(rb, window) {
		t.For = max(t.For, rb.LeastWindow(t))
		all = append(all, try{with(rb, t, ""), t, ""})
	}
	return all
}

// appendChanged adds the trigger with so much of its number and of its window, unless that is one
// which is tried, or the runbook's own.
func appendChanged(all []try, rb *runbook.Runbook, t runbook.Trigger, number, window float64) []try {
	changed := rounded(t.Scaled(number))
	step := rb.Metrics.Step()
	changed.For = max(runbook.Duration(float64(t.For)*window)/step*step, rb.LeastWindow(t))
	same := func(o try) bool { return o.trigger == changed }
	if changed.For > t.For || changed == t || slices.ContainsFunc(all, same) {
		return all
	}
	return append(all, try{with(rb, changed, t.Name), changed, t.Name})
}

// rounded writes the trigger's numbers as a person would: three digits.
func rounded(t runbook.Trigger) runbook.Trigger {
	for _, r := range []*runbook.Ratio{&t.Increase, &t.Above, &t.By, &t.Drop, &t.Distance, &t.Below} {
		if read, err := runbook.ParseRatio(fmt.Sprintf("%.3g%%", float64(*r)*100)); err == nil {
			*r = read
		}
	}
	return t
}

// with is the runbook with the trigger instead of another one, or beside all.
func with(rb *runbook.Runbook, t runbook.Trigger, instead string) *runbook.Runbook {
	out := *rb
	out.Triggers = slices.Clone(rb.Triggers)
	if n := slices.IndexFunc(out.Triggers, func(o runbook.Trigger) bool { return o.Name == instead }); n >= 0 {
		out.Triggers[n] = t
	} else {
		out.Triggers = append(out.Triggers, t)
	}
	return &out
}

// absent are triggers on what the runbook measures and no trigger of it looks at. They ask a human.
func absent(rb *runbook.Runbook, window runbook.Duration) []runbook.Trigger {
	var all []runbook.Trigger
	add := func(name string, t runbook.Trigger, is func(runbook.Trigger) bool) {
		t.Name, t.Severity, t.For = name, runbook.Mild, window
		if _, taken := rb.Trigger(name); !taken && rb.Undeclared(t) == "" && !slices.ContainsFunc(rb.Triggers, is) {
			all = append(all, t)
		}
	}
	of := func(kind runbook.TriggerType) func(runbook.Trigger) bool {
		return func(t runbook.Trigger) bool { return t.Type == kind }
	}
	add("more-errors", runbook.Trigger{Type: runbook.ErrorIncrease, By: 0.005, MinRatio: 1.5}, of(runbook.ErrorIncrease))
	add("missing-features", runbook.Trigger{Type: runbook.NullSpike, By: 0.01}, of(runbook.NullSpike))
	add("schema-mismatch", runbook.Trigger{Type: runbook.SchemaMismatch, Above: 0.001}, of(runbook.SchemaMismatch))
	for _, l := range rb.Metrics.AllLatencies() {
		is := func(t runbook.Trigger) bool { return t.Type == runbook.LatencyQuantile && t.Latency == l.Name }
		if l.Kind == runbook.Classic || l.Kind == runbook.Native {
			add("slower-p95"+suffix(l.Name), runbook.Trigger{Type: runbook.LatencyQuantile, Latency: l.Name, Quantile: 0.95, Increase: 0.3}, is)
		}
	}
	for _, k := range rb.Metrics.KPIs {
		is := func(t runbook.Trigger) bool { return t.Type == runbook.KPIDrop && t.KPI == k.Name }
		add("drop-of-"+k.Name, runbook.Trigger{Type: runbook.KPIDrop, KPI: k.Name, Drop: 0.05}, is)
	}
	return all
}

func suffix(name string) string {
	if name == "" {
		return ""
	}
	return "-" + name
}

// everything is the runbook with all that is tried beside it: what it measures is all that is counted.
func everything(rb *runbook.Runbook, all []try) *runbook.Runbook {
	for _, t := range all {
		if t.instead == "" {
			rb = with(rb, t.trigger, "")
		}
	}
	return rb
}
