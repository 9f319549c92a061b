package runbook

import (
	"fmt"
	"strings"
)

// ownPrefix is where autorollback keeps its own state in the same KV.
const ownPrefix = "autorollback/"

// notInKeys are characters that no key needs and that a shell would take apart when
// a human copies the key from the page.
const notInKeys = " \t\r\n'\"`$\\;&|<>*?()"

func (o Routing) check(p *page) {
	const at = "routing"
	p.oneOf(at+".router", string(o.Router), string(Traefik), string(JSONKey))
	switch o.Router {
	case Traefik:
		p.need(at+".service", o.Service, "name the weighted service in <root>/http/services/<service>/weighted")
		if strings.ContainsAny(o.Service, "/"+notInKeys) {
			p.add(at+".service", fmt.Sprintf("%q is not a bare name", o.Service), "write the service's name without slashes and spaces")
		}
		p.key(at+".root", o.Root)
		p.stray(at+".key", o.Router)
	case JSONKey:
		p.need(at+".key", o.Key, "name the key that holds the weights, e.g. routes/ranker/weights")
		if o.Key != "" {
			p.key(at+".key", o.Key)
		}
		p.stray(at+".root", o.Router)
		p.stray(at+".service", o.Router)
	}
	o.checkFlags(p, at+".flags")
	o.Mirror.check(p, o)
}

func (o Routing) checkFlags(p *page, at string) {
	if o.Flags == "" {
		return
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
		p.add(at, fmt.Sprintf("stands under %q, which wakes every Traefik", o.Root), "give the flags a prefix of their own, e.g. features/ranker/")
	}
}

// key checks a path in the KV, without a trailing slash.
func (p *page) key(path, key string) {
	switch {
	case strings.HasPrefix(key+"/", ownPrefix):
		p.add(path, fmt.Sprintf("%q is under %s, where autorollback keeps its own state", key, ownPrefix), "choose another key, e.g. routes/ranker/weights")
	case key == "" || strings.HasPrefix(key, "/") || strings.HasSuffix(key, "/") || strings.Contains(key, "//"), strings.ContainsAny(key, notInKeys):
		p.add(path, fmt.Sprintf("%q is not a key", key), "write it without slashes at its ends, empty parts, spaces and quotes")
	}
}

// stray refuses a field that belongs to another router.
func (p *page) stray(path string, router Router) {
	if p.has(path) {
		p.add(path, fmt.Sprintf("does not belong to the router %s", router), "remove it, or change the router")
	}
}
