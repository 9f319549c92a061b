package policy

import (
	"fmt"
	"strings"
	"time"
)

// notApplied: an instance of the router that does not serve this step would not serve a
// rollback either, so that nobody goes on over it, a human included.
func notApplied(in Ramp, _ time.Time) string {
	named := in.Runbook.Routing.Instances
	if len(named) == 0 {
		return ""
	}
	missing := in.Release.NotApplied(named)
	var late []string
	for _, i := range missing {
		if i.Late() {
			late = append(late, fmt.Sprintf("%s (%s)", i.Address, i.Problem))
		}
	}
	switch {
	case len(late) > 0:
		return fmt.Sprintf("the router does not serve %v %% everywhere, so a rollback would not reach it either: %s; make it follow, or take it out of service and out of routing.instances",
			in.Release.Weight, strings.Join(late, ", "))
	case len(missing) > 0:
		return fmt.Sprintf("waiting for the router's instances to serve the step to %v %%", in.Release.Weight)
	}
	return ""
}
