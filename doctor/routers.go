package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/view"
)

// routers looks for what would make a router ignore a change, and says where one cannot keep
// users on their side. Services often share a tree: each is read once, and each finding said
// once.
func (p *patient) routers(ctx context.Context) []view.Check {
	var out []view.Check
	trees, said, sound := map[string]tree{}, map[string]bool{}, 0
	for n, rb := range p.runbooks {
		if ctx.Err() != nil {
			out = append(out, unknown(routerPart, "more", fmt.Sprintf("%d more services were not checked in time", len(p.runbooks)-n), "ask again"))
			break
		}
		found := p.router(ctx, rb, trees)
		if len(found) == 0 {
			sound++
		}
		for _, c := range found {
			if !said[c.What] {
				said[c.What] = true
				out = append(out, c)
			}
		}
	}
	if sound > 0 {
		out = append(out, ok(routerPart, "keys", fmt.Sprintf("nothing makes a router ignore a change, for %d of %d services", sound, len(p.runbooks))))
	}
	return atMost(out)
}

// A tree is what a router reads, or why it cannot be read.
type tree struct {
	snap store.Snapshot
	err  error
}

func (p *patient) router(ctx context.Context, rb *runbook.Runbook, trees map[string]tree) []view.Check {
	router, err := actuators.For(rb.Routing)
	if err != nil {
		return []view.Check{off(routerPart, rb.Service, err.Error(), "correct routing in its runbook")}
	}
	prefixes := router.Prefixes()
	at := strings.Join(prefixes, " ")
	if _, read := trees[at]; !read {
		snap, err := p.Store.Read(ctx, prefixes...)
		trees[at] = tree{snap, err}
	}
	if err := trees[at].err; err != nil {
		return []view.Check{unknown(routerPart, rb.Service, err.Error(), "let the daemon read what its routers read")}
	}
	var out []view.Check
	for _, h := range router.Lint(trees[at].snap) {
		check := degraded
		if h.Blocking {
			check = off
		}
		out = append(out, check(routerPart, rb.Service, h.Key+": "+h.What, h.Fix))
	}
	if why := rb.Routing.StickyGap(); why != "" {
		out = append(out, degraded(routerPart, rb.Service, rb.Service+": routing.sticky asks for users that stay on their side, and cannot have them: "+why,
			"take a router that can (docs/routers.md), or leave routing.sticky out"))
	}
	return out
}
