package backtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/runbook"
)

// tell lets an observer know which side each pod is on, if another metric says so.
func (w *world) tell(ctx context.Context, o *monitor.Observer, now time.Time) error {
	query, ok := o.Join()
	if !ok {
		return nil
	}
	answer, err := w.ask(ctx, query, now)
	if err != nil {
		return err
	}
	var told model.Vector
	for _, s := range answer {
		told = append(told, &model.Sample{Metric: metricOf(s.Metric), Value: model.SampleValue(s.F),
			Timestamp: model.TimeFromUnixNano(now.UnixNano())})
	}
	o.Tell(told)
	return nil
}

// sided gives series the label of the side that a join metric told at the time of each
// sample. Samples of which it told nothing are left out.
func sided(ctx context.Context, source Source, rb *runbook.Runbook, all []Stretch, from, to time.Time) ([]Stretch, error) {
	j := rb.Metrics.Join
	if j == nil {
		return all, nil
	}
	said, err := source.Read(ctx, j.Series(), from.Add(-lookback), to)
	if err != nil {
		return nil, fmt.Errorf("read what tells the sides: %w", err)
	}
	told := map[string][]telling{}
	for _, s := range said {
		key, side := keyOf(s.Labels, j.On), s.Labels.Get(j.Label)
		for _, x := range s.Samples {
			told[key] = append(told[key], telling{x.At, side})
		}
	}
	for _, t := range told {
		slices.SortFunc(t, func(a, b telling) int { return cmp.Compare(a.at, b.at) })
	}
	var out []Stretch
	for _, s := range all {
		out = append(out, s.apart(j.Label, told[keyOf(s.Labels, j.On)])...)
	}
	return out, nil
}

// A telling is that a pod was on a side at a time.
type telling struct {
	at   int64
	side string
}

func keyOf(l labels.Labels, on []string) string {
	values := make([]string, len(on))
	for i, name := range on {
		values[i] = l.Get(name)
	}
	return strings.Join(values, "\x00")
}

// apart is the stretch in parts, each with its side.
func (s Stretch) apart(label string, told []telling) []Stretch {
	var out []Stretch
	for _, x := range s.Samples {
		i, found := slices.BinarySearchFunc(told, x.At,
			func(t telling, at int64) int { return cmp.Compare(t.at, at) })
		if !found {
			i--
		}
		if i < 0 || x.At-told[i].at > lookback.Milliseconds() {
			continue
		}
		if n := len(out); n == 0 || out[n-1].Labels.Get(label) != told[i].side {
			out = append(out, Stretch{Labels: labels.NewBuilder(s.Labels).Set(label, told[i].side).Labels()})
		}
		out[len(out)-1].Samples = append(out[len(out)-1].Samples, x)
	}
	return out
}
