package shadow

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// LoadPlan reads a plan's file; see [ParsePlan].
func LoadPlan(path string) (Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Plan{}, fmt.Errorf("read plan: %w", err)
	}
	return ParsePlan(path, text)
}

// ParsePlan reads a plan strictly: an unknown key is a mistake, not a default. The
// error is of type runbook.Problems.
func ParsePlan(file string, text []byte) (Plan, error) {
	plan := DefaultPlan()
	err := runbook.Decode(file, text, &plan, "", func(c runbook.Check) {
		planCheck{c}.check(&plan)
	})
	return plan, err
}

// planCheck notes the mistakes of a plan.
type planCheck struct{ runbook.Check }

func (p planCheck) check(plan *Plan) {
	p.Want(plan.Alpha > 0 && plan.Alpha <= 0.5, "alpha", "is not between 0 and 50 %",
		"write the share of false alarms that you accept, e.g. 1%")
	_, err := time.LoadLocation(plan.Timezone)
	p.Want(err == nil, "timezone",
		fmt.Sprintf("%q is no time zone here", plan.Timezone), "write one of the IANA names, e.g. Europe/Berlin")
	p.tolerance(&plan.Default.Absolute, "default.absolute")
	p.tolerance(&plan.Default.Relative, "default.relative")
	for i, f := range plan.Fields {
		p.field(f, fmt.Sprintf("fields[%d]", i))
	}
	for i, s := range plan.Scores {
		at := fmt.Sprintf("scores[%d]", i)
		p.path(s.Path, at+".path")
		p.Want(s.Element >= 0, at+".element", "is negative", "count elements from 0")
	}
	p.segments(plan.Segments)
	p.paths("allow_missing", plan.AllowMissing)
	p.paths("allow_extra", plan.AllowExtra)
	p.paths("show", plan.Show)
	p.Want(plan.MaxSegments >= 1 && plan.MaxSegments <= 1000, "max_segments", "is not between 1 and 1000",
		"it costs memory; the default is 50")
	p.Want(plan.MaxFields >= 1 && plan.MaxFields <= 10_000, "max_fields", "is not between 1 and 10000",
		"it costs memory; the default is 200")
	p.limits(plan.Limits)
	p.require(plan.Require)
}

func (p planCheck) field(f FieldRule, at string) {
	p.path(f.Path, at+".path")
	kinds := []string{ByTolerance, ByExact, ByIgnore, BySet, ByTopK, ByClass}
	p.Want(f.Compare == "" || slices.Contains(kinds, f.Compare), at+".compare",
		fmt.Sprintf("%q is no comparison", f.Compare), "write one of "+strings.Join(kinds, ", "))
	p.Want(f.Compare != ByTopK || f.K >= 1, at, "top_k needs k", "write k: 5")
	p.Want(f.Compare == ByTopK || f.K == 0, at+".k",
		"only top_k has a k", "write compare: top_k, or leave k out")
	for _, one := range []struct {
		name  string
		value *float64
	}{{".absolute", f.Absolute}, {".relative", f.Relative}} {
		p.tolerance(one.value, at+one.name)
		p.Want(one.value == nil || f.Compare == "" || f.Compare == ByTolerance, at+one.name,
			"has no meaning for "+f.Compare, "write compare: tolerance, or leave it out")
	}
}

func (p planCheck) tolerance(v *float64, at string) {
	p.Want(v == nil || *v >= 0, at, "is not a finite number from 0 up", "write e.g. 0.001")
}

func (p planCheck) paths(list string, texts []string) {
	for i, text := range texts {
		p.path(text, fmt.Sprintf("%s[%d]", list, i))
	}
}

func (p planCheck) path(text, at string) {
	if _, err := ParsePath(text); err != nil {
		p.Check(at, err.Error(), "write keys with dots, [*] for every element, e.g. outputs.score[*]")
	}
}

func (p planCheck) segments(list []SegmentRule) {
	seen := map[string]bool{}
	for i, s := range list {
		at := fmt.Sprintf("segments[%d]", i)
		p.Want(s.Name != "", at, "has no name", "write name: country")
		p.Want(!seen[s.Name], at+".name", fmt.Sprintf("%q is there twice", s.Name), "name each segment once")
		p.Want(s.Header == "" || s.Body == "", at, "has both a header and a body path", "keep one")
		seen[s.Name] = true
		if s.Body != "" {
			p.path(s.Body, at+".body")
		}
	}
}

func (p planCheck) limits(l Limits) {
	p.Want(l.PSI > 0, "limits.psi", "is not a finite number above 0", "leave it out for the default")
	p.Want(l.Shift > 0, "limits.shift", "is not a finite number above 0", "leave it out for the default")
	p.Want(l.SegmentSamples >= 1, "limits.segment_samples", "is below 1", "leave it out for the default, 300")
	p.Want(l.DriftSamples >= 100, "limits.drift_samples",
		"is below 100", "ten bins need more; the default is 500")
	p.Want(l.DriftSamples <= MaxDriftSamples, "limits.drift_samples", fmt.Sprintf("is above %d", MaxDriftSamples),
		"a slice keeps no more pairs than that")
}

func (p planCheck) require(r Require) {
	const fix = "write how many are needed, 0 for none"
	p.Want(r.Samples >= 1, "require.samples", "is below 1", "a verdict needs some answers")
	p.Want(r.SegmentSamples >= 0, "require.segment_samples", "is negative", fix)
	p.Want(r.HourSamples >= 0, "require.hour_samples", "is negative", fix)
	p.Want(r.CellSamples >= 0, "require.cell_samples", "is negative", fix)
	for i, text := range r.Hours {
		if _, err := ParseHours(text); err != nil {
			p.Check(fmt.Sprintf("require.hours[%d]", i), err.Error(), `write "all", "7" or "22-5"`)
		}
	}
}

// ParseHours reads "all", one hour, or a range of hours whose ends both belong to it.
func ParseHours(text string) ([]int, error) {
	if text == "all" {
		text = "0-23"
	}
	from, to, ranged := strings.Cut(text, "-")
	a, errA := strconv.Atoi(from)
	b, errB := a, error(nil)
	if ranged {
		b, errB = strconv.Atoi(to)
	}
	if errA != nil || errB != nil || min(a, b) < 0 || max(a, b) > 23 {
		return nil, fmt.Errorf("%q is not hours from 0 to 23", text)
	}
	var hours []int
	for h := a; ; h = (h + 1) % 24 {
		hours = append(hours, h)
		if h == b {
			return hours, nil
		}
	}
}
