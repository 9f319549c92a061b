package shadow

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/runbook"
	"go.yaml.in/yaml/v3"
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
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&plan); err != nil && !errors.Is(err, io.EOF) {
		return plan, yamlProblems(file, err)
	}
	if d.Decode(new(yaml.Node)) != io.EOF {
		return plan, runbook.Problems{{File: file, Line: 1, What: "holds more than one document", Fix: "keep one plan in a file"}}
	}
	var root yaml.Node
	_ = yaml.Unmarshal(text, &root) // it was decoded above
	p := planCheck{file: file, root: &root}
	p.check(&plan)
	if len(p.problems) > 0 {
		slices.SortFunc(p.problems, func(a, b runbook.Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Field, b.Field), cmp.Compare(a.What, b.What))
		})
		return plan, p.problems
	}
	return plan, nil
}

var (
	yamlLine    = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)
	yamlUnknown = regexp.MustCompile(`^field (.+) not found in type shadow\.(\w+)$`)
)

// yamlProblems puts the library's errors into the form of all our files.
func yamlProblems(file string, err error) runbook.Problems {
	var typed *yaml.TypeError
	messages := []string{err.Error()}
	if errors.As(err, &typed) {
		messages = typed.Errors
	}
	var problems runbook.Problems
	for _, m := range messages {
		one := runbook.Problem{File: file, Line: 1, What: strings.TrimPrefix(m, "yaml: "), Fix: "see docs/shadow.md for every key"}
		if parts := yamlLine.FindStringSubmatch(m); parts != nil {
			one.Line, _ = strconv.Atoi(parts[1])
			one.What = parts[2]
		}
		if parts := yamlUnknown.FindStringSubmatch(one.What); parts != nil {
			one.Field, one.What, one.Fix = parts[1], "unknown key", "known here: "+knownKeys(parts[2])
		}
		problems = append(problems, one)
	}
	return problems
}

func knownKeys(name string) string {
	for _, t := range []any{Plan{}, Tolerance{}, FieldRule{}, Score{}, SegmentRule{}, Limits{}, Require{}} {
		typ := reflect.TypeOf(t)
		if typ.Name() != name {
			continue
		}
		var keys []string
		for i := range typ.NumField() {
			keys = append(keys, typ.Field(i).Tag.Get("yaml"))
		}
		return strings.Join(keys, ", ")
	}
	return ""
}
