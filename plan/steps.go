package plan

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A Step is one weight of a planned rollout and how long it is held.
type Step struct {
	Weight runbook.Weight   `json:"weight"` // the candidate's share in percent, 0..100
	For    runbook.Duration `json:"for"`
}

// StepsOf is the ramp of the runbook's rollout; [DefaultSteps] if it has none.
func StepsOf(rb *runbook.Runbook) []Step {
	var out []Step
	for _, s := range rb.Rollout.Ramp() {
		out = append(out, Step{s.Weight, s.For})
	}
	if len(out) == 0 {
		return DefaultSteps()
	}
	return out
}

// DefaultSteps is a common ramp.
func DefaultSteps() []Step {
	var out []Step
	for _, w := range []runbook.Weight{1, 5, 25, 50, 100} {
		out = append(out, Step{w, runbook.Duration(10 * time.Minute)})
	}
	return out
}

// ParseSteps reads weights such as "1,5,25,50,100" and holds each for d.
func ParseSteps(text string, d runbook.Duration) ([]Step, error) {
	var out []Step
	for part := range strings.SplitSeq(text, ",") {
		w, err := parseWeight(part)
		if err != nil {
			return nil, err
		}
		out = append(out, Step{w, d})
	}
	return out, checkSteps(out)
}

func parseWeight(text string) (runbook.Weight, error) {
	w, err := runbook.ParseWeight(strings.TrimSuffix(strings.TrimSpace(text), "%"))
	if err != nil {
		return 0, fmt.Errorf("step %q: %w", text, err)
	}
	return w, nil
}

func checkSteps(steps []Step) error {
	if len(steps) == 0 {
		return fmt.Errorf("there are no steps")
	}
	for i, s := range steps {
		if s.Weight <= 0 || s.Weight > runbook.All || s.For <= 0 && s.Weight < 100 {
			return fmt.Errorf("step %v%% for %s: a weight is between 0.01 and 100, and its time above 0", s.Weight, s.For)
		}
		if i > 0 && s.Weight <= steps[i-1].Weight {
			return fmt.Errorf("step %v%% comes after %v%%: weights ascend", s.Weight, steps[i-1].Weight)
		}
	}
	return nil
}

// num writes a number: short, no exponent for everyday sizes.
func num(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }

// percentile writes 0.95 as p95 and 0.999 as p99.9.
func percentile(q float64) string { return "p" + num(q*100) }

// short writes a share as a percentage of three digits.
func short(r float64) string { return fmt.Sprintf("%.3g%%", r*100) }

func millis(seconds float64) string {
	return time.Duration(math.Round(seconds * 1e3 * 1e6)).Round(time.Millisecond).String()
}

func fromSeconds(s float64) runbook.Duration {
	return runbook.Duration(time.Duration(math.Ceil(s*1e3)) * time.Millisecond)
}

// span2 writes a duration with the two greatest units that matter.
func span2(d runbook.Duration) string {
	unit := time.Second
	switch s := d.Std(); {
	case s >= 48*time.Hour:
		unit = time.Hour
	case s >= 2*time.Hour:
		unit = time.Minute
	}
	return runbook.Duration((d.Std() + unit - 1) / unit * unit).String()
}
