package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A Step is one weight of a planned rollout and how long it is held.
type Step struct {
	Weight int              `json:"weight"` // the candidate's share in percent, 0..100
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
	for _, w := range []int{1, 5, 25, 50, 100} {
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

func parseWeight(text string) (int, error) {
	w, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), "%"))
	if err != nil {
		return 0, fmt.Errorf("weight %q: write whole percentages, e.g. 1,5,25,50,100", text)
	}
	return w, nil
}

func checkSteps(steps []Step) error {
	if len(steps) == 0 {
		return fmt.Errorf("there are no steps")
	}
	for i, s := range steps {
		if s.Weight < 1 || s.Weight > 100 || s.For <= 0 && s.Weight < 100 {
			return fmt.Errorf("step %d%% for %s: a weight is between 1 and 100, and its time above 0", s.Weight, s.For)
		}
		if i > 0 && s.Weight <= steps[i-1].Weight {
			return fmt.Errorf("step %d%% comes after %d%%: weights ascend", s.Weight, steps[i-1].Weight)
		}
	}
	return nil
}
