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
// greater weight gets every user.
const hashedTail = 3

func (w *traefikWalk) lintHashed() []Hazard {
	for i, a := range w.kids {
		for _, b := range w.kids[:i] {
			one, other := string(b.name.Value), string(a.name.Value)
			if !alike(one, other) {
				continue
			}
			return []Hazard{{
				Key:  a.folder + "name",
				What: fmt.Sprintf("%q and %q differ in their last characters only, and Traefik's hash then gives every user to the greater weight: 95/5 is 100/0", one, other),
				Fix:  fmt.Sprintf("write the names with their provider, %s@consul and %s@consul, here and as backends of the release", one, other), Blocking: true,
			}}
		}
	}
	return nil
}

// alike reports whether two names have nearly the same hash behind any address.
func alike(a, b string) bool {
	if len(a) != len(b) || a == b {
		return false
	}
	same := 0
	for a[same] == b[same] {
		same++
	}
	return len(a)-same-1 < hashedTail
}
