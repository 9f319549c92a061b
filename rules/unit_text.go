package rules

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/autorollback/autorollback/runbook"
)

func writeSorted(out *bytes.Buffer, m map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(out, "        %s: %s\n", k, strconv.Quote(m[k]))
	}
}

// unitAlert is a trigger's alert as Prometheus would send it, for one value.
func (b *book) unitAlert(d draft, labels map[string]string, value float64) (unitAlert, error) {
	out := unitAlert{labels: map[string]string{"service": b.Service}, annotations: map[string]string{}}
	maps.Copy(out.labels, d.labels)
	maps.Copy(out.labels, labels)
	for name, text := range d.annotations {
		said, err := expand(text, labels, value)
		if err != nil {
			return out, fmt.Errorf("expand annotation %s: %w", name, err)
		}
		out.annotations[name] = said
	}
	return out, nil
}

// expand replaces the templates that our own wording uses, as Prometheus does.
func expand(text string, labels map[string]string, value float64) (string, error) {
	t, err := template.New("annotation").Option("missingkey=zero").Funcs(template.FuncMap{
		"humanizePercentage": func(v float64) string { return fmt.Sprintf("%.4g%%", v*100) },
		"humanizeDuration":   humanizeDuration,
	}).Parse("{{$labels := .Labels}}{{$value := .Value}}" + text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, struct {
		Labels map[string]string
		Value  float64
	}{labels, value})
	return out.String(), err
}

func humanizeDuration(v float64) string {
	if v >= 60 {
		return fmt.Sprintf("%dm %ds", int64(v)/60, int64(v)%60)
	}
	unit := ""
	for _, u := range []string{"m", "u", "n"} {
		if v == 0 || math.Abs(v) >= 1 {
			break
		}
		unit, v = u, v*1000
	}
	return fmt.Sprintf("%.4g%ss", v, unit)
}

// never asserts that an alert is silent at every fourth evaluation, which is as long
// as it would keep firing, and at the last.
func never(alert string, steps int) []unitAssert {
	var out []unitAssert
	for at := 4; at < steps; at += 4 {
		out = append(out, unitAssert{step: at, alert: alert})
	}
	return append(out, unitAssert{step: steps, alert: alert})
}

// blindAlert is the companion's alert for a side.
func (b *book) blindAlert(labels map[string]string) (unitAlert, error) {
	return b.unitAlert(b.blind(b.signals()), labels, 0)
}

func (b *book) theRegion() string {
	if len(b.Regions) > 0 {
		return b.Regions[0]
	}
	return runbook.DefaultRegion
}
