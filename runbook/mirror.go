package runbook

import (
	"fmt"
	"strings"
	"time"
)

// Mirroring says how the router copies requests to a candidate and throws its answers
// away.
type Mirroring struct {
	// Service names Traefik's service of type mirroring, which the routers send to and
	// whose main service is the weighted one:
	// ROOT/http/services/SERVICE/mirroring/{service,mirrors/N/{name,percent}}. The json
	// router needs none: its document has the field mirror, {"backend","percent"}.
	Service string `yaml:"service,omitempty" json:"service,omitempty"`
}

// The bounds of a planned time of mirroring.
const (
	MirrorPercent = 10                 // the default share, and the most without saying so
	MirrorLongest = 7 * 24 * time.Hour // the longest time
)

// MirrorOrder is what `shadow start` asks for.
type MirrorOrder struct {
	Backend   string   `json:"backend,omitempty"` // empty: the only one that is laid out
	Percent   int      `json:"percent"`
	For       Duration `json:"for"`
	AllowMore bool     `json:"allow_more,omitempty"` // more than [MirrorPercent]
}

// Check refuses an order that no daemon may carry out.
func (o MirrorOrder) Check() error {
	switch {
	case o.Percent < 1 || o.Percent > 100:
		return Refuse("%d is no share of the requests: mirror 1 to %d %%", o.Percent, MirrorPercent)
	case o.Percent > MirrorPercent && !o.AllowMore:
		return Refuse("%d %% is more than %d %%: the candidate, and whatever it calls, must bear so much more load; if they do, say --allow-more", o.Percent, MirrorPercent)
	case o.For <= 0 || o.For.Std() > MirrorLongest:
		return Refuse("%s is no planned time: mirror for at most %s", o.For, Duration(MirrorLongest))
	}
	return nil
}

func (m *Mirroring) check(p *page, o Routing) {
	const at = "routing.mirror"
	if m == nil {
		return
	}
	if o.Router != Traefik {
		p.stray(at+".service", o.Router)
		return
	}
	switch {
	case m.Service == "":
		p.missing(at+".service", "name the service of type mirroring in <root>/http/services/<service>/mirroring")
	case strings.ContainsAny(m.Service, "/"+notInKeys):
		p.add(at+".service", fmt.Sprintf("%q is not a bare name", m.Service), "write the service's name without slashes and spaces")
	case strings.EqualFold(m.Service, o.Service):
		p.add(at+".service", "is the weighted service itself: Traefik builds no service of two types", "give the mirror a service of its own in front of it, e.g. "+o.Service+"-mirror")
	}
}
