package actuators

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// lintSticky finds what keeps Traefik from leaving users on their side, and from giving the
// candidate the share that the store says.
func (w *traefikWalk) lintSticky() []Hazard {
	if w.kind == runbook.HighestRandomWeight {
		return w.lintHashed()
	}
	cookie := w.root + "/http/services/" + w.service + "/" + w.kind + "/sticky/cookie"
	if !w.sticky || len(w.kids) == 0 || w.has(cookie) {
		return nil
	}
	return []Hazard{{
		Key: cookie, What: "routing.sticky asks for users that stay on their side, and Traefik gives them no cookie",
		Fix: fmt.Sprintf("write these once: %[1]s/name = %[2]s-side, %[1]s/httponly = true, %[1]s/maxage = 86400; or write routing.type: %[3]s", cookie, w.service, runbook.HighestRandomWeight),
	}}
}

// has reports whether Traefik reads the key, or one below it.
func (w *traefikWalk) has(key string) bool {
	path := fold(strings.TrimPrefix(key, w.root+"/"))
	_, there := w.first[path]
	return there || w.folders[path]
}

// hashedTail is how many characters must follow the first difference of two names of one
// length. Traefik hashes the client's address and then the name by FNV-1a, in which the last
// characters change the highest bits hardly at all: both names then get the same score, and the
// greater weight gets every user. With more that follow the share is still up to 4 points beside
// the weight; with names of two lengths it is the weight.
const hashedTail = 3

func (w *traefikWalk) lintHashed() []Hazard {
	for i, a := range w.kids {
		for _, b := range w.kids[:i] {
			one, other := string(b.name.Value), string(a.name.Value)
			if len(one) != len(other) || one == other {
				continue
			}
			h := Hazard{
				Key: a.folder + "name", Fix: fmt.Sprintf("give them names of two lengths: write %s, here and as the backend of the release", lengthened(other)),
				What: fmt.Sprintf("%q and %q are names of one length, which Traefik's hash tells apart badly: a share may be up to 4 points beside its weight", one, other),
			}
			if tail(one, other) < hashedTail {
				h.What, h.Blocking = fmt.Sprintf("%q and %q differ in their last characters only, and Traefik's hash then gives every user to the greater weight: 95/5 is 100/0", one, other), true
			}
			return []Hazard{h}
		}
	}
	return nil
}

// tail is how many characters follow the first difference of two names of one length.
func tail(a, b string) int {
	same := 0
	for a[same] == b[same] {
		same++
	}
	return len(a) - same - 1
}

// lengthened is another name of the same service.
func lengthened(name string) string {
	if short, ok := strings.CutSuffix(name, "@consul"); ok {
		return short
	}
	if strings.Contains(name, "@") {
		return "another name of it"
	}
	return name + "@consul"
}
