package actuators

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/autorollback/autorollback/record"
)

// otherInstances is who is served beside the backends.
const otherInstances = "(instances with none of the tags)"

// observe reads fabio's table: one entry for each instance, with its part of the requests
// before fabio rounds it to slots, one at least and 0.01 % each.
func (f fabio) observe(get fetch, backends []string) (record.Split, error) {
	body, err := get("/api/routes")
	if err != nil {
		return nil, err
	}
	var routes []struct {
		Service, Src string
		Weight       float64
		Tags         []string
	}
	if err := json.Unmarshal(body, &routes); err != nil {
		return nil, fmt.Errorf("its answer is not fabio's table: %w", err)
	}
	shares := map[string]map[string]float64{}
	for _, r := range routes {
		if r.Service != f.service || !f.has(r.Src) {
			continue
		}
		at := place(r.Src)
		if shares[at] == nil {
			shares[at] = map[string]float64{}
		}
		name := otherInstances
		if i := slices.IndexFunc(backends, func(b string) bool { return slices.Contains(r.Tags, b) }); i >= 0 {
			name = backends[i]
		}
		shares[at][name] += r.Weight
	}
	return f.agreed(shares)
}

// agreed is the split that all sources show.
func (f fabio) agreed(shares map[string]map[string]float64) (record.Split, error) {
	var all record.Split
	for _, source := range f.sources {
		split := record.Shares(shares[place(source)])
		switch {
		case len(split) == 0:
			return nil, fmt.Errorf("it has no instance of %s under %s", f.service, source)
		case all != nil && !all.Equal(split):
			return nil, fmt.Errorf("it serves %v under %s and %v under %s", all, f.sources[0], split, source)
		}
		all = split
	}
	return all, nil
}
