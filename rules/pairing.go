package rules

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Pairing counts the pods of one side by what they say they serve; false if the
// runbook does not say how they tell it.
func (q Questions) Pairing(rel record.Release, side runbook.Role) (Expr, bool) {
	p := q.b.Verification.Pairing
	if p == nil {
		return Expr{}, false
	}
	return q.b.mustParse(fmt.Sprintf("count by (%s) (%s)", strings.Join(p.Labels(), ", "), q.b.series(counterOf(p.Metric), q.side(rel, side)...))), true
}
