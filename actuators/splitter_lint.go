package actuators

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/store"
)

// lint looks at the entries of other kinds that decide whether the splitter is followed. Most of
// it Consul refuses when somebody writes it; a restored backup is not asked.
func (s splitter) lint(snap store.Snapshot) []Hazard {
	_, _, legs, err := s.read(snap)
	if err != nil {
		return nil
	}
	found := append(s.lintSplits(snap, legs), s.lintRoutes(snap)...)
	if p := s.protocol(snap); !slices.Contains([]string{"http", "http2", "grpc"}, p) {
		found = append(found, Hazard{Key: s.key("service-defaults"), What: fmt.Sprintf("the protocol is %q, and Envoy splits http, http2 and grpc only", p),
			Fix: "write `Protocol = \"http\"`", Blocking: true})
	}
	slices.SortStableFunc(found, func(a, b Hazard) int { return strings.Compare(a.Key, b.Key) })
	return found
}

func (s splitter) lintSplits(snap store.Snapshot, legs []leg) (found []Hazard) {
	subsets, sum := s.subsets(snap), 0.0
	for _, l := range legs {
		sum += l.weight()
		if name, err := s.subset(l); err == nil && !subsets[name] {
			found = append(found, Hazard{Key: s.key("service-resolver"), What: fmt.Sprintf("it has no subset %q, to which the splitter sends", name),
				Fix: "define it", Blocking: true})
		}
	}
	if sum < 99.99 || sum > 100.01 {
		found = append(found, Hazard{Key: s.prefix(), What: fmt.Sprintf("the weights sum to %v, and Consul takes 100 only", sum), Fix: "the next change writes them anew"})
	}
	return found
}

// lintRoutes finds routes around the splitter.
func (s splitter) lintRoutes(snap store.Snapshot) (found []Hazard) {
	var router struct {
		Routes []struct {
			Destination struct{ Service, ServiceSubset string }
		}
	}
	if e, ok := snap.Get(s.key("service-router")); ok {
		_ = json.Unmarshal(e.Value, &router) // Consul wrote it
	}
	for n, r := range router.Routes {
		if to := r.Destination; to.ServiceSubset != "" || to.Service != "" && to.Service != s.service {
			found = append(found, Hazard{Key: s.key("service-router"), Fix: "leave Service and ServiceSubset out of its destination",
				What: fmt.Sprintf("route %d goes to %q, subset %q: its requests do not pass the splitter, a rollback included", n, to.Service, to.ServiceSubset)})
		}
	}
	return found
}

// protocol is the service's own, or else that of the whole mesh.
func (s splitter) protocol(snap store.Snapshot) string {
	var own struct{ Protocol string }
	var all struct {
		Config struct {
			Protocol string `json:"protocol"`
		}
	}
	if e, ok := snap.Get(s.key("service-defaults")); ok {
		_ = json.Unmarshal(e.Value, &own) // Consul wrote it
	}
	if e, ok := snap.Get(proxyDefaults); ok && own.Protocol == "" {
		_ = json.Unmarshal(e.Value, &all) // as above
		return all.Config.Protocol
	}
	return own.Protocol
}
