package runbook

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

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
