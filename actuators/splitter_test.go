package actuators

import (
	"errors"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

var splitterRouting = runbook.Routing{Router: runbook.Splitter, Service: "ranker"}

func TestSplitterObservesTheDiscoveryChain(t *testing.T) {
	const (
		legs  = `{"Definition":{"Weight":95,"ServiceSubset":"v1"},"Weight":95},{"Definition":{"Weight":5,"ServiceSubset":"v2"},"Weight":5}`
		chain = `{"Chain":{"StartNode":"router:ranker.default.default","Nodes":{"router:ranker.default.default":{"Type":"router","Name":"ranker.default.default"},"splitter:ranker.default.default":{"Type":"splitter","Name":"ranker.default.default","Splits":[` + legs + `]}}}}`
	)
	for _, tt := range []struct{ name, body, want, problem string }{
		{"behind a router", chain, "v1 95, v2 5", ""},
		{"no splitter", `{"Chain":{"Nodes":{"resolver:ranker.default":{"Type":"resolver","Name":"ranker.default"}}}}`, "nothing", "the discovery chain of ranker has no splitter"},
		{"no chain", `tcp`, "nothing", "its answer is not a discovery chain: invalid character 'c' in literal true (expecting 'r')"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := splitter{service: "ranker"}.observe(func(path string) ([]byte, error) {
				if path != "/v1/discovery-chain/ranker" {
					return nil, errors.New("asked " + path)
				}
				return []byte(tt.body), nil
			}, nil)
			if got.String() != tt.want || say("", err) != tt.problem {
				t.Errorf("got %v, %v; want %s, %q", got, err, tt.want, tt.problem)
			}
		})
	}
}

func TestSplitterNeedsAName(t *testing.T) {
	for _, service := range []string{"", "a/b", "..", "autorollback/x"} {
		if _, err := For(runbook.Routing{Router: runbook.Splitter, Service: service}); err == nil {
			t.Errorf("%q is a service", service)
		}
	}
	if _, err := For(runbook.Routing{Router: runbook.Splitter, Service: "ranker", Mirror: &runbook.Mirroring{}}); err == nil {
		t.Error("the mesh copies requests")
	}
	if split := (record.Split{"v1": 99.5, "v2": 0.5}); splitterRouting.Settable(split["v2"]) == "" {
		t.Error("half a percent can be set")
	}
}
