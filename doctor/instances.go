package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// instances asks every instance of each service's router, once, whether it serves what the
// store says.
func (p *patient) instances(ctx context.Context) []view.Check {
	return atMost(each(parallel, p.runbooks, func(rb *runbook.Runbook) []view.Check { return p.follow(ctx, rb) }))
}

// follow asks those of one service.
func (p *patient) follow(ctx context.Context, rb *runbook.Runbook) []view.Check {
	named := rb.Routing.Instances
	if len(named) == 0 {
		return []view.Check{ok(routerPart, rb.Service,
			"no instances are named (routing.instances): whether they take a change is known by the measured share only")}
	}
	router, err := actuators.For(rb.Routing)
	if err != nil {
		return nil // a runbook that was loaded has been checked
	}
	snap, err := p.Store.Read(ctx, router.Prefixes()...)
	if err != nil {
		return []view.Check{unknown(routerPart, rb.Service, err.Error(), "let the daemon read the router's keys")}
	}
	want, err := router.Decode(snap)
	if errors.Is(err, actuators.ErrNoSplit) {
		return []view.Check{ok(routerPart, rb.Service, "the store has no weights yet")}
	}
	if err != nil {
		return []view.Check{off(routerPart, rb.Service, err.Error(), "make the router's keys readable")}
	}
	out := each(parallel, named, func(address string) []view.Check {
		return p.instance(ctx, router, rb.Service, address, want)
	})
	if len(out) == 0 {
		out = append(out, ok(routerPart, rb.Service, fmt.Sprintf("all %d named instances serve %v", len(named), want)))
	}
	return out
}

// instance finds that one instance does not answer, or serves something else.
func (p *patient) instance(ctx context.Context, router actuators.Router, service, address string, want record.Split) []view.Check {
	shown, err := router.Observe(ctx, p.HTTP, address, slices.Sorted(maps.Keys(want))...)
	switch {
	case err != nil:
		return []view.Check{off(routerPart, service, address+": "+err.Error(),
			"let the daemon reach the instance's API, or take the address out of routing.instances")}
	case !shown.Equal(want):
		return []view.Check{off(routerPart, service,
			fmt.Sprintf("%s serves %v, and the store has %v: a rollback would not reach it", address, shown, want),
			"check which store and keys it reads, and its log; restart it")}
	}
	return nil
}
