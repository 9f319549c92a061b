package quality

import (
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// A Judge watches one trace, evaluation by evaluation, until it decides.
type Judge interface {
	// Observe returns the triggers that demand a rollback now.
	Observe(Frame) []string
}

// Named is a judge under its name in the table.
type Named struct {
	Name  string
	Judge Judge
}

// others are the judges beside ours, in the order of the table.
var others = []string{"naive", "naive-nokpi", "flagger", "flagger-nokpi", "argo", "argo-nokpi", "kayenta", "kayenta-tuned"}

// Judges makes those of one trace: ours first, then the others; with ablations, ours
// without each of its parts as well.
func Judges(rb *runbook.Runbook, shape Shape, ablations bool) ([]Named, error) {
	out, err := ours(rb, shape, ablations)
	if err != nil {
		return nil, err
	}
	all := checksOf(rb, len(shape.Features))
	noKPI := slices.DeleteFunc(slices.Clone(all), func(c check) bool { return c.kpi })
	for i, j := range []Judge{
		newNaive(shape, all), newNaive(shape, noKPI), &flagger{checks: all}, &flagger{checks: noKPI}, newArgo(all), newArgo(noKPI),
		&kayenta{checks: all}, &kayenta{checks: all, tuned: true},
	} {
		out = append(out, Named{others[i], j})
	}
	return out, nil
}
