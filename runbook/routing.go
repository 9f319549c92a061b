package runbook

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Router names a codec of package actuators.
type Router string

const (
	Traefik Router = "traefik" // Traefik's KV provider: one key per backend's weight
	JSONKey Router = "json"    // one JSON document in one key
	// Splitter is Consul's service mesh: the config entry service-splitter, which Envoy follows.
	Splitter Router = "splitter"
	Fabio    Router = "fabio" // commands in a key under fabio's registry.consul.kvpath
)

// Routing says where the service's weights live in the KV store. In root, service, sources, key,
// flags, instances and the mirror's service {region} stands for the region's name.
type Routing struct {
	Router Router `yaml:"router" json:"router"` // the layout of the keys
	// Root is Traefik's rootKey, or fabio's registry.consul.kvpath without its first slash.
	// Default traefik, or fabio/config.
	Root string `yaml:"root,omitempty" json:"root,omitempty"`
	// Service is, of splitter, the service of the mesh, whose subsets are the backends; Traefik's weighted service, at
	// ROOT/http/services/SERVICE/weighted/services/N/{name,weight}, or the service's name in
	// Consul's catalog, of fabio. There a backend is the instances that have its name as a tag.
	Service string `yaml:"service,omitempty" json:"service,omitempty"`
	// Sources is what stands behind urlprefix- in the tags of the service's instances, all of
	// it, e.g. [/predict, www.example.com/predict]; of fabio. Each gets the same weights.
	Sources []string `yaml:"sources,omitempty" json:"sources,omitempty"`
	// Key is the json router's document, e.g. routes/ranker/weights.
	Key string `yaml:"key,omitempty" json:"key,omitempty"`
	// Type is Traefik's type of the service: weighted, or highestrandomweight, which keeps each
	// client's address on its side; or router, where SERVICE is a router and the one key
	// ROOT/http/routers/SERVICE/service says which backend gets everything. Default weighted.
	Type string `yaml:"type,omitempty" json:"type,omitempty"`
	// Sticky says that users stay on their side while the weights rise; default false. Then the
	// unit of a KPI is the user, and no trigger on one moves traffic without a human.
	Sticky bool `yaml:"sticky,omitempty" json:"sticky,omitempty"`
	// Flags is the prefix, with a trailing slash, under which one JSON document per
	// version holds the flags of the bundle that version serves, e.g. features/ranker/.
	Flags string `yaml:"flags,omitempty" json:"flags,omitempty"`
	// FlagsAfter says when a rollback switches the candidate's flags off: together, in the
	// transaction of the weights, or drained, once no request reaches the candidate any more, so
	// that what a slow router still sends there meets the candidate's own features. Left out:
	// together, and with splitter drained.
	FlagsAfter string `yaml:"flags_after,omitempty" json:"flags_after,omitempty"`
	// Mirror says how requests are copied to a candidate; left out: the daemon never does.
	Mirror *Mirroring `yaml:"mirror,omitempty" json:"mirror,omitempty"`
	// Instances are the addresses of the API of each instance of the router, at most 64,
	// e.g. http://10.0.0.5:8080 for a Traefik: each is asked after every change whether it
	// serves it. Left out: only the candidate's measured requests tell.
	Instances []string `yaml:"instances,omitempty" json:"instances,omitempty"`
}

// The words of [Routing.Type].
const (
	Weighted            = "weighted"
	HighestRandomWeight = "highestrandomweight"
	RouterService       = "router" // blue and green: all or nothing
)

// The words of [Routing.FlagsAfter].
const (
	Together = "together"
	Drained  = "drained"
)

// ownPrefix is where autorollback keeps its own state in the same KV.
const ownPrefix = "autorollback/"

// A routerKind is what one kind of router differs in. What a human types on its keys is the
// part of the page's template that is named like it.
type routerKind struct {
	root       string                             // default of routing.root
	resolution Weight                             // every share it can set is a multiple of it
	check      func(o Routing, p *decoder)        // its own fields
	mirror     func(o Routing, p *decoder)        // those of routing.mirror
	weights    func(o Routing) (keyPrefix string) // of all that holds the weights
	unsticky   string                             // why it cannot keep users on their side; empty: it can
	afterwards bool                               // its weights cannot join a transaction, and follow it
	backend    *regexp.Regexp                     // what it can write as a backend's name; nil: any
	backendFix string
}

var routerKinds = map[Router]routerKind{
	Traefik: {
		root: "traefik", resolution: 0.01, check: Routing.checkTraefik, mirror: Routing.checkTraefikMirror,
		weights: Routing.traefikWeights,
	},
	Fabio: {
		root: "fabio/config", resolution: 0.01, check: Routing.checkFabio,
		mirror: func(o Routing, p *decoder) {
			p.add("routing.mirror", "does not belong to the router fabio, which copies no requests", "remove it, or change the router")
		},
		weights:    func(o Routing) string { return o.Root + "/zz-autorollback-" + o.Service },
		backend:    regexp.MustCompile(`^[^\s",]+$`),
		backendFix: "a tag in a command of fabio has no spaces, quotes and commas",
		unsticky:   "fabio picks a side anew for every request: it has no cookie and no hash, so users change sides",
	},
	Splitter: {
		resolution: 1, check: Routing.checkSplitter, afterwards: true,
		mirror: func(o Routing, p *decoder) {
			p.add("routing.mirror", "does not belong to the router splitter: Consul's service mesh copies no requests", "remove it, or change the router")
		},
		weights:    func(o Routing) string { return "config-entry://service-splitter/" + o.Service },
		backend:    regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`),
		backendFix: "a subset of Consul's service mesh has lower-case letters, digits and dashes inside, 63 at most",
		unsticky:   "Envoy picks a side anew for every request that passes a service-splitter, so users change sides",
	},
	JSONKey: {
		resolution: 0.01, check: Routing.checkJSON,
		mirror:  func(o Routing, p *decoder) { p.stray("routing.mirror.service", o.Router) },
		weights: func(o Routing) string { return o.Key },
	},
}

func (o Routing) traefikWeights() string {
	if o.Type == RouterService {
		return o.Root + "/http/routers/" + o.Service + "/service"
	}
	return o.Root + "/http/services/" + o.Service + "/" + o.Type + "/services/"
}

// Settable says why the router cannot set the share; empty: it can.
func (o Routing) Settable(w Weight) string {
	step := o.Resolution().Hundredths()
	if step == 0 || w.Hundredths()%step == 0 {
		return ""
	}
	return fmt.Sprintf("%v is finer than the router %s can set", w, o.Router)
}

// FlagsWait reports whether a rollback leaves the candidate's flags on until nothing reaches it.
func (o Routing) FlagsWait() bool {
	return o.FlagsAfter == Drained || o.FlagsAfter == "" && routerKinds[o.Router].afterwards
}

// does is what the transaction of a change does to the weights.
func (o Routing) does() string {
	if routerKinds[o.Router].afterwards {
		return "decides the change; the split is written after it"
	}
	return "moves the weights"
}

// Resolution is the smallest share that the router can set; each other is a multiple of it.
func (o Routing) Resolution() Weight {
	if o.Type == RouterService {
		return All
	}
	return routerKinds[o.Router].resolution
}

func (o *Routing) applyDefaults(p *decoder) {
	if o.Router == Traefik {
		setDefault(p, "routing.type", &o.Type, Weighted)
	}
	setDefault(p, "routing.root", &o.Root, routerKinds[o.Router].root)
}

func (o Routing) check(p *decoder) {
	p.oneOf("routing.router", string(o.Router), string(Traefik), string(JSONKey), string(Fabio), string(Splitter))
	kind, known := routerKinds[o.Router]
	if known {
		kind.check(o, p)
	}
	o.checkFlags(p, "routing.flags")
	o.checkInstances(p)
	if known && o.Mirror != nil {
		kind.mirror(o, p)
	}
}

func (o Routing) checkTraefik(p *decoder) {
	const at = "routing"
	p.need(at+".service", o.Service, "name the weighted service in <root>/http/services/<service>/weighted")
	p.bare(at+".service", o.Service)
	p.key(at+".root", o.Root)
	p.oneOf(at+".type", o.Type, Weighted, HighestRandomWeight, RouterService)
	p.stray(at+".key", o.Router)
	p.stray(at+".sources", o.Router)
}

func (o Routing) checkSplitter(p *decoder) {
	const at = "routing"
	p.need(at+".service", o.Service, "name the service of the mesh whose service-splitter is written")
	p.bare(at+".service", o.Service)
	for _, field := range []string{"root", "key", "sources", "type"} {
		p.stray(at+"."+field, o.Router)
	}
}

func (o Routing) checkFabio(p *decoder) {
	const at = "routing"
	p.need(at+".service", o.Service, "name the service as its instances are registered in Consul")
	p.bare(at+".service", o.Service)
	p.key(at+".root", o.Root)
	p.stray(at+".key", o.Router)
	p.stray(at+".type", o.Router)
	if len(o.Sources) == 0 {
		p.missing(at+".sources", "name what stands behind urlprefix- in the instances' tags, e.g. [/predict]")
	}
	for i, source := range o.Sources {
		one := fmt.Sprintf("%s.sources[%d]", at, i)
		switch host, _, _ := strings.Cut(source, "/"); {
		case source == "" || len(source) > maxName || strings.ContainsAny(source, notInKeys):
			p.add(one, fmt.Sprintf("%q is no source", source), "write it as it stands in the tag, e.g. /predict or www.example.com/predict")
		case host != strings.ToLower(host):
			p.add(one, fmt.Sprintf("%q has a host with capitals", source), "write "+strings.ToLower(host)+strings.TrimPrefix(source, host)+": fabio lowers the instances' and not ours")
		}
	}
}

func (o Routing) checkJSON(p *decoder) {
	const at = "routing"
	p.need(at+".key", o.Key, "name the key that holds the weights, e.g. routes/ranker/weights")
	if o.Key != "" {
		p.key(at+".key", o.Key)
	}
	p.stray(at+".root", o.Router)
	p.stray(at+".service", o.Router)
	p.stray(at+".type", o.Router)
	p.stray(at+".sources", o.Router)
}

func (o Routing) checkFlags(p *decoder, at string) {
	if o.Flags == "" {
		if p.has("routing.flags_after") {
			p.add("routing.flags_after", "there are no flags", "name their prefix, routing.flags, or remove it")
		}
		return
	}
	if o.FlagsAfter != "" {
		p.oneOf("routing.flags_after", o.FlagsAfter, Together, Drained)
	}
	prefix, slash := strings.CutSuffix(o.Flags, "/")
	if !slash {
		p.add(at, fmt.Sprintf("%q has no trailing slash", o.Flags), fmt.Sprintf("write %q: one document per version stands under it", o.Flags+"/"))
		return
	}
	p.key(at, prefix)
	if o.Key != "" && strings.HasPrefix(o.Key, o.Flags) {
		p.add(at, "contains routing.key", "give the flags a prefix of their own, e.g. features/ranker/")
	}
	if o.Root != "" && strings.HasPrefix(o.Flags, o.Root) {
		p.add(at, fmt.Sprintf("stands under %q, which every router watches", o.Root), "give the flags a prefix of their own, e.g. features/ranker/")
	}
}

// stray refuses a field that belongs to another router.
func (p *decoder) stray(path string, router Router) {
	if p.has(path) {
		p.add(path, fmt.Sprintf("does not belong to the router %s", router), "remove it, or change the router")
	}
}

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
	case o.Backend != "" && !isBackend(o.Backend):
		return Refuse("%.40q is no backend's name", o.Backend)
	case o.Percent < 1 || o.Percent > 100:
		return Refuse("%d is no share of the requests: mirror 1 to %d %%", o.Percent, MirrorPercent)
	case o.Percent > MirrorPercent && !o.AllowMore:
		return Refuse("%d %% is more than %d %%: the candidate, and everything it calls, must bear that much more load; if they can, add --allow-more", o.Percent, MirrorPercent)
	case o.For <= 0 || o.For.Std() > MirrorLongest:
		return Refuse("%s is no planned time: mirror for at most %s", o.For, Duration(MirrorLongest))
	}
	return nil
}

func (o Routing) checkTraefikMirror(p *decoder) {
	const at = "routing.mirror"
	switch m := o.Mirror; {
	case o.Type == RouterService:
		p.add(at, "has no place with routing.type router: there is no weighted service behind the mirror", "remove it, or write another type")
	case m.Service == "":
		p.missing(at+".service", "name the service of type mirroring in <root>/http/services/<service>/mirroring")
	case !isBare(m.Service):
		p.bare(at+".service", m.Service)
	case strings.EqualFold(m.Service, o.Service):
		p.add(at+".service", "is the weighted service itself: Traefik builds no service of two types", "give the mirror a service of its own in front of it, e.g. "+o.Service+"-mirror")
	}
}

// MaxInstances is how many instances of its router a service may name.
const MaxInstances = 64

const maxAddress = 200 // bytes

// checkInstances wants an address that can be asked, of each instance once.
func (o Routing) checkInstances(p *decoder) {
	const at, fix = "routing.instances", "write the address of one instance's API, e.g. http://10.0.0.5:8080"
	if len(o.Instances) > MaxInstances {
		p.add(at, fmt.Sprintf("has %d addresses", len(o.Instances)), fmt.Sprintf("name at most %d", MaxInstances))
	}
	for i, address := range o.Instances {
		path := fmt.Sprintf("%s[%d]", at, i)
		switch u, err := url.Parse(address); {
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			p.add(path, fmt.Sprintf("%q is not an address", address), fix)
		case u.User != nil:
			p.add(path, "holds a password", "leave it out: runbooks are shown to people; let the daemon reach the API without one")
		case len(address) > maxAddress:
			p.add(path, fmt.Sprintf("has %d bytes", len(address)), fmt.Sprintf("write an address of at most %d", maxAddress))
		case u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(address, "/"):
			p.add(path, fmt.Sprintf("%q is more than an address", address), fix)
		case slices.Index(o.Instances, address) < i:
			p.add(path, fmt.Sprintf("names %s again", address), "remove it")
		}
	}
}

// checkSticky refuses a KPI that would move traffic alone. With sticky routing a user's requests
// all fall on one side, so they are not as many trials as they look, and their statistic proves
// more than there is.
func (r *Runbook) checkSticky(p *decoder) {
	for i, t := range r.Triggers {
		if r.Routing.Sticky && t.Type == KPIDrop && t.Severity == Severe {
			p.add(fmt.Sprintf("triggers[%d].severity", i), "severe, and routing.sticky makes the user the unit: trials of one user would count as if they were many users'",
				"write `severity: mild`: a human decides, until KPIs are counted per user")
		}
	}
}

// StickyGap says why the router cannot keep users on their side although the runbook asks for
// it; empty: it can, or need not.
func (o Routing) StickyGap() string {
	if !o.Sticky {
		return ""
	}
	return routerKinds[o.Router].unsticky
}

// StickyKPIs names the triggers on KPIs whose unit would be the user.
func (r *Runbook) StickyKPIs() []string {
	var names []string
	for _, t := range r.Triggers {
		if r.Routing.Sticky && t.Type == KPIDrop {
			names = append(names, t.Name)
		}
	}
	return names
}
