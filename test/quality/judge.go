package quality

import "github.com/autorollback/autorollback/runbook"

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

// Judges makes those of one trace: ours first, then the others; with ablations, ours
// without each of its parts as well.
func Judges(rb *runbook.Runbook, shape Shape, ablations bool) ([]Named, error) {
	out, err := ours(rb, shape, ablations)
	if err != nil {
		return nil, err
	}
	checks := checksOf(rb, len(shape.Features))
	return append(out,
		Named{"naive", newNaive(shape, checks)},
		Named{"naive-nokpi", newNaive(shape, without(checks, "conversion-drop"))},
		Named{"flagger", newFlagger(shape, checks)},
		Named{"flagger-nokpi", newFlagger(shape, without(checks, "conversion-drop"))},
		Named{"argo", newArgo(shape, checks)},
		Named{"argo-nokpi", newArgo(shape, without(checks, "conversion-drop"))},
		Named{"kayenta", newKayenta(shape, checks, false)},
		Named{"kayenta-tuned", newKayenta(shape, checks, true)},
	), nil
}
