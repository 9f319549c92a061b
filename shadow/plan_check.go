package shadow

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"go.yaml.in/yaml/v3"
)

// planCheck notes every mistake of a plan with its line.
type planCheck struct {
	file     string
	root     *yaml.Node
	problems runbook.Problems
}

// add notes a mistake at the path of keys and indexes, e.g. "fields", 0, "path".
func (p *planCheck) add(what, fix string, path ...any) {
	field, line, n := "", 1, p.root
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	for _, step := range path {
		switch s := step.(type) {
		case string:
			field += "." + s
			n = child(n, s)
		case int:
			field += fmt.Sprintf("[%d]", s)
			if n != nil && s < len(n.Content) {
				n = n.Content[s]
			} else {
				n = nil
			}
		}
		if n != nil {
			line = n.Line
		}
	}
	p.problems = append(p.problems, runbook.Problem{File: p.file, Line: line, Field: strings.TrimPrefix(field, "."), What: what, Fix: fix})
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func (p *planCheck) check(plan *Plan) {
	if plan.Alpha <= 0 || plan.Alpha > 0.5 {
		p.add("is not between 0 and 50 %", "write the share of false alarms that you can bear, e.g. 1%", "alpha")
	}
	if _, err := time.LoadLocation(plan.Timezone); err != nil {
		p.add(fmt.Sprintf("%q is no time zone here", plan.Timezone), "write one of the IANA names, e.g. Europe/Berlin", "timezone")
	}
	p.tolerance(plan.Default.Absolute, "default", "absolute")
	p.tolerance(plan.Default.Relative, "default", "relative")
	for i, f := range plan.Fields {
		p.field(i, f)
	}
	for i, s := range plan.Scores {
		p.path(s.Path, "scores", i, "path")
		if s.Element < 0 {
			p.add("is negative", "count elements from 0", "scores", i, "element")
		}
	}
	p.segments(plan.Segments)
	for key, list := range map[string][]string{"allow_missing": plan.AllowMissing, "allow_extra": plan.AllowExtra, "show": plan.Show} {
		for i, path := range list {
			p.path(path, key, i)
		}
	}
	if plan.MaxSegments < 1 || plan.MaxSegments > 1000 {
		p.add("is not between 1 and 1000", "memory grows with it: 50 is the default", "max_segments")
	}
	if plan.MaxFields < 1 || plan.MaxFields > 10_000 {
		p.add("is not between 1 and 10000", "memory grows with it: 200 is the default", "max_fields")
	}
	p.limits(plan.Limits)
	p.require(plan.Require)
}

func (p *planCheck) field(i int, f FieldRule) {
	p.path(f.Path, "fields", i, "path")
	kinds := []string{ByTolerance, ByExact, ByIgnore, BySet, ByTopK, ByClass}
	if f.Compare != "" && !slices.Contains(kinds, f.Compare) {
		p.add(fmt.Sprintf("%q is no comparison", f.Compare), "write one of "+strings.Join(kinds, ", "), "fields", i, "compare")
	}
	if f.Compare == ByTopK && f.K < 1 {
		p.add("top_k needs k", "write k: 5", "fields", i)
	}
	if f.Compare != ByTopK && f.K != 0 {
		p.add("only top_k has a k", "write compare: top_k, or leave k out", "fields", i, "k")
	}
	for name, v := range map[string]*float64{"absolute": f.Absolute, "relative": f.Relative} {
		if v == nil {
			continue
		}
		p.tolerance(*v, "fields", i, name)
		if f.Compare != "" && f.Compare != ByTolerance {
			p.add("has no meaning for "+f.Compare, "write compare: tolerance, or leave it out", "fields", i, name)
		}
	}
}

func (p *planCheck) tolerance(v float64, path ...any) {
	if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		p.add("is not a finite number from 0 up", "write e.g. 0.001", path...)
	}
}

func (p *planCheck) path(text string, path ...any) {
	if _, err := ParsePath(text); err != nil {
		p.add(err.Error(), "write keys with dots, [*] for every element, e.g. outputs.score[*]", path...)
	}
}

func (p *planCheck) segments(list []SegmentRule) {
	seen := map[string]bool{}
	for i, s := range list {
		switch {
		case s.Name == "":
			p.add("has no name", "write name: country", "segments", i)
		case seen[s.Name]:
			p.add(fmt.Sprintf("%q is there twice", s.Name), "name each segment once", "segments", i, "name")
		case s.Header != "" && s.Body != "":
			p.add("has both a header and a body path", "keep one", "segments", i)
		}
		seen[s.Name] = true
		if s.Body != "" {
			p.path(s.Body, "segments", i, "body")
		}
	}
}

func (p *planCheck) limits(l Limits) {
	for name, v := range map[string]float64{"psi": l.PSI, "shift": l.Shift} {
		if !(v > 0) || math.IsInf(v, 0) {
			p.add("is not a finite number above 0", "leave it out for the default", "limits", name)
		}
	}
	if l.SegmentSamples < 1 {
		p.add("is below 1", "leave it out for the default, 300", "limits", "segment_samples")
	}
	if l.DriftSamples < 100 {
		p.add("is below 100", "ten bins need more; the default is 500", "limits", "drift_samples")
	}
	if l.DriftSamples > MaxDriftSamples {
		p.add(fmt.Sprintf("is above %d", MaxDriftSamples), "a slice keeps no more pairs than that", "limits", "drift_samples")
	}
}

func (p *planCheck) require(r Require) {
	for name, n := range map[string]int64{"samples": r.Samples, "segment_samples": r.SegmentSamples, "hour_samples": r.HourSamples, "cell_samples": r.CellSamples} {
		if n < 0 {
			p.add("is negative", "write how many are needed, 0 for none", "require", name)
		}
	}
	if r.Samples < 1 {
		p.add("is below 1", "a verdict needs something to go by", "require", "samples")
	}
	for i, text := range r.Hours {
		if _, err := ParseHours(text); err != nil {
			p.add(err.Error(), `write "all", "7" or "22-5"`, "require", "hours", i)
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
		return nil, fmt.Errorf("%q names no hours from 0 to 23", text)
	}
	var hours []int
	for h := a; ; h = (h + 1) % 24 {
		hours = append(hours, h)
		if h == b {
			return hours, nil
		}
	}
}
