package promtest

import (
	"fmt"
	"math"
	"strings"
	"text/template"
)

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
