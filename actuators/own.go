package actuators

import (
	"slices"
	"strings"

	"github.com/autorollback/autorollback/store"
)

// A sharedTree is a codec whose router reads one tree for many services.
type sharedTree interface {
	// own is the prefix of the service's own keys.
	own() string
}

// Keys are what must be read, in one snapshot, for everything but Lint, if the release has these
// backends: where many services share a tree, far less than Prefixes. It holds unless the tree is
// Astray.
func (r Router) Keys(backends ...string) []string {
	s, ok := r.codec.(sharedTree)
	if !ok {
		return r.Prefixes()
	}
	keys := []string{s.own()}
	for _, name := range r.named(backends) {
		keys = append(keys, r.codec.prefix()+"http/services/"+name+"/")
	}
	if r.flags != "" {
		keys = append(keys, r.flags)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// named are the services of Traefik that a plan for these backends looks at, beside its own.
func (r Router) named(backends []string) []string {
	var names []string
	if m, ok := r.mirror.(traefikMirror); ok {
		names = append(names, m.mirror)
	}
	for _, b := range backends {
		if name, provider, _ := strings.Cut(b, "@"); name != "" && (provider == "" || provider == "consul") {
			names = append(names, name)
		}
	}
	return names
}

// Shares reports whether the router reads more than the service's own keys.
func (r Router) Shares() bool { _, ok := r.codec.(sharedTree); return ok }

// Astray reports whether the tree has keys that Keys leaves out and that say something of the
// service or its backends: to Traefik, keys are the same in any case. Then all of Prefixes must be
// read.
func (r Router) Astray(snap store.Snapshot, backends ...string) bool {
	s, ok := r.codec.(sharedTree)
	if !ok {
		return false
	}
	root, keys := r.codec.prefix(), r.Keys(backends...)
	theirs := map[string]bool{path(fragments(s.own()[len(root):])): true}
	for _, name := range r.named(backends) {
		theirs["http/services/"+fold(name)] = true
	}
	return slices.ContainsFunc(snap.Under(root), func(e store.Entry) bool {
		parts := fragments(e.Key[len(root):])
		return len(parts) >= 3 && theirs[path(parts)] &&
			!slices.ContainsFunc(keys, func(p string) bool { return strings.HasPrefix(e.Key, p) })
	})
}

// path is of which service or router a key is, in Traefik's eyes.
func path(parts []string) string { return fold(strings.Join(parts[:3], "/")) }

func (t traefik) own() string { return t.root + "/http/services/" + t.service + "/" }

func (t traefikRouter) own() string { return t.root + "/http/routers/" + t.name + "/" }
