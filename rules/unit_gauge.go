package rules

import (
	"fmt"
	"math"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/autorollback/autorollback/runbook"
)

// A gaugeStage writes the scenes of a trigger that must be true for a time and compares
// no counts: an anomaly or a drift score.
type gaugeStage struct {
	b     *book
	t     runbook.Trigger
	alert draft
	n     int // intervals in the window
	// played is the service's series, with the number that decides at each step.
	played func(level func(step int) float64, steps int) ([]unitSeries, error)
	value  func(level float64) float64 // of the alert
	over   float64                     // a level closely over the threshold
	under  float64
	cases  []unitCase
	err    error
}

func (b *book) gaugeCases(t runbook.Trigger) ([]unitCase, []string, error) {
	g := &gaugeStage{b: b, t: t, alert: b.alert(t), n: int(t.For / b.Metrics.Interval)}
	var err error
	if t.Type == runbook.Anomaly {
		err = g.anomaly()
	} else {
		g.drift()
		g.renewed()
	}
	if err != nil {
		return nil, nil, err
	}
	g.scenes()
	return g.cases, nil, g.err
}

// anomaly plays a gauge that is compared with a number. Other expressions say anything.
func (g *gaugeStage) anomaly() error {
	tree, err := g.b.shapes.parser.ParseExpr(g.b.anomalies[g.t.Name])
	if err != nil {
		return fmt.Errorf("read anomaly: %w", err)
	}
	e, ok := tree.(*parser.BinaryExpr)
	if !ok {
		return fmt.Errorf("no scenes are known for an expression that is not series > number")
	}
	series, left := e.LHS.(*parser.VectorSelector)
	level, right := e.RHS.(*parser.NumberLiteral)
	if !left || !right || e.ReturnBool || e.Op != parser.GTR || series.OriginalOffset != 0 || level.Val <= 0 {
		return fmt.Errorf("no scenes are known for an expression that is not series > number")
	}
	g.over, g.under, g.value = level.Val*(1+closely), level.Val*(1-closely), func(float64) float64 { return 1 }
	g.played = func(at func(int) float64, steps int) ([]unitSeries, error) {
		name, of, err := g.b.invent(series.String())
		if err != nil {
			return nil, err
		}
		if l := g.b.Metrics.RegionLabel; l != "" {
			of[l] = g.b.theRegion()
		}
		return []unitSeries{{labelled(name, of), levels(at, steps)}}, nil
	}
	return nil
}

// drift plays one score of each side; the candidate's decides.
func (g *gaugeStage) drift() {
	const threshold = 0.2
	d := g.b.Metrics.Drift
	g.over, g.under, g.value = threshold*(1+closely), threshold*(1-closely), func(v float64) float64 { return v / threshold }
	g.played = func(at func(int) float64, steps int) ([]unitSeries, error) {
		var out []unitSeries
		for version, score := range map[string]func(int) float64{unitCandidate: at, unitStable: func(int) float64 { return threshold * (1 - closely) }} {
			for _, gauge := range []struct {
				name   string
				values string
			}{{d.Score, levels(score, steps)}, {d.Threshold, levels(func(int) float64 { return threshold }, steps)},
				{d.LastRun, fmt.Sprintf("0+%sx%d", num(g.b.Metrics.Interval.Std().Seconds()), steps)}} {
				name, of, err := g.b.invent(selector(gauge.name, g.b.drift))
				if err != nil {
					return nil, err
				}
				of["version"] = version
				out = append(out, unitSeries{labelled(name, of), gauge.values})
			}
		}
		return sortedSeries(out), nil
	}
}

// levels is a gauge that holds a number at each step.
func levels(at func(int) float64, steps int) string {
	var out []string
	for step := 0; step <= steps; step++ {
		out = append(out, fmt.Sprint(at(step)))
	}
	return strings.Join(out, " ")
}

func (g *gaugeStage) scenes() {
	const from = 3
	still := g.over / 2
	during := func(level float64, from, until int) func(int) float64 {
		return func(step int) float64 {
			if step >= from && step < until {
				return level
			}
			return still
		}
	}
	first, ends := from+g.n-1, from+g.n+3
	g.play("fires when it was true for the whole window, and ends", ends+keepSteps+1, during(g.over, from, ends), first, ends-1+keepSteps)
	most := int(math.Ceil(durableShare*float64(g.n))) - 1 // the first is recorded at step 0
	g.play("fires once it was true for most of the window since the release began", g.n+keepSteps+4, during(g.over, 0, g.n+1), most, g.n+keepSteps)
	g.play("silent closely below the threshold", from+g.n+4, during(g.under, from, ends+4), 0, 0)
	g.play("silent when it pauses", from+g.n+1, func(step int) float64 {
		if step == from+g.n-2 {
			return still
		}
		return during(g.over, from, ends)(step)
	}, 0, 0)
}

// play adds a case; first 0: silent all the time.
func (g *gaugeStage) play(name string, steps int, level func(int) float64, first, last int) {
	series, err := g.played(level, steps)
	if err != nil {
		g.err = err
		return
	}
	c := unitCase{name: name, series: append(g.b.roleSeries(unitRelease, steps), series...), long: steps > mostSteps}
	if first == 0 {
		c.asserts = never(g.alert.alert, steps)
		g.cases = append(g.cases, c)
		return
	}
	a, err := g.b.unitAlert(g.alert, map[string]string{"region": g.b.theRegion(), "release": unitRelease}, g.value(level(first)))
	if err != nil {
		g.err = err
		return
	}
	fires := []unitAlert{a}
	c.asserts = []unitAssert{{first - 1, g.alert.alert, nil}, {first, g.alert.alert, fires}, {last, g.alert.alert, fires}, {last + 1, g.alert.alert, nil}}
	g.cases = append(g.cases, c)
}
