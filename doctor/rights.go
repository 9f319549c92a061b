package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/view"
)

// elsewhere is a key that the daemon needs no right to.
const elsewhere = "autorollback-doctor-acl"

// mostKeys is how many routers' keys are tried.
const mostKeys = 100

// rights checks what Consul's access rules let the daemon do. A file has none.
func (p *patient) rights(ctx context.Context) []view.Check {
	consul, isConsul := p.Store.(*store.Consul)
	if !isConsul {
		return nil
	}
	switch err := consul.Token(ctx); {
	case errors.Is(err, store.ErrNoACLs):
		return []view.Check{unknown(storePart, "rights",
			"Consul's ACLs are off: everybody who reaches it may change weights and records",
			"switch ACLs on, and give the daemon a token: docs/operations.md")}
	case outbound.Unreached(err):
		return []view.Check{off(storePart, "rights", err.Error(), "start Consul, or correct --store")}
	case err != nil:
		return []view.Check{off(storePart, "rights", err.Error(),
			"put a token that Consul knows into --store.consul-token-file, and start the daemon again")}
	}
	checks := p.narrow(ctx, consul)
	wide, err := consul.MayWrite(ctx, elsewhere)
	switch {
	case err != nil:
		checks = append(checks, unknown(storePart, "rights", err.Error(), "ask again"))
	case wide:
		checks = append(checks, degraded(storePart, "rights",
			"the token may write keys that the daemon does not need, such as "+elsewhere,
			"give it the least policy of docs/operations.md"))
	}
	if len(checks) == 0 {
		checks = append(checks, ok(storePart, "rights",
			"the token may write its own keys and the routers', and no others"))
	}
	return checks
}

// narrow finds what the token must be able to do and cannot.
func (p *patient) narrow(ctx context.Context, consul *store.Consul) []view.Check {
	writes, reads := []string{store.Root + "doctor"}, []string{}
	for _, rb := range p.runbooks {
		for _, region := range rb.Regions {
			router, err := actuators.For(rb.Routing.In(region))
			if err != nil {
				continue // a runbook that was loaded has been checked
			}
			writes, reads = append(writes, router.Writes()...), append(reads, router.Prefixes()...)
		}
	}
	slices.Sort(reads)
	slices.Sort(writes[1:])
	reads, writes = slices.Compact(reads), slices.Compact(writes)
	out := each(parallel, writes[:min(len(writes), mostKeys)],
		func(key string) []view.Check { return mayWrite(ctx, consul, key) })
	return atMost(append(out, each(parallel, reads[:min(len(reads), mostKeys)],
		func(prefix string) []view.Check { return mayRead(ctx, consul, prefix) })...))
}

// mayWrite finds that the token may not write a key.
func mayWrite(ctx context.Context, consul *store.Consul, key string) []view.Check {
	may, err := consul.MayWrite(ctx, key)
	switch {
	case err != nil:
		return []view.Check{unknown(storePart, "rights", err.Error(), "ask again")}
	case may:
		return nil
	}
	return []view.Check{off(storePart, "rights",
		"the token may not write "+key+": no rollback can be committed",
		"grant it what the least policy of docs/operations.md has")}
}

// mayRead finds that the token may not read a prefix.
func mayRead(ctx context.Context, consul *store.Consul, prefix string) []view.Check {
	if _, err := consul.Read(ctx, prefix); err != nil && store.Place(prefix) != "" {
		return []view.Check{off(storePart, "rights", err.Error(), "grant it what the least policy of docs/operations.md has")}
	} else if err != nil {
		return []view.Check{off(storePart, "rights", err.Error(),
			fmt.Sprintf("grant the token key_prefix %q { policy = \"read\" }", prefix))}
	}
	return nil
}
