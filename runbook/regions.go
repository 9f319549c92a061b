package runbook

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// regionMark stands in keys for the region's name.
const regionMark = "{region}"

// A Place is what a region has: names that tell its store and its Prometheus from those of
// others. Regions with equal names share them.
type Place struct{ Store, Prometheus string }

// Places are where the regions of an installation are, by name. nil: there is one store and
// one Prometheus, and all regions share them.
type Places map[string]Place

// HasRegion reports whether the runbook covers the region.
func (r *Runbook) HasRegion(region string) bool { return slices.Contains(r.Regions, region) }

// In is the runbook as it is in one of its regions: its keys name that region.
func (r *Runbook) In(region string) *Runbook {
	own := *r
	own.Routing = r.Routing.In(region)
	return &own
}

// Only is the runbook of one region and no other. With prometheus, that has a Prometheus of its
// own, and so rules of its own.
func (r *Runbook) Only(region string, prometheus bool) *Runbook {
	own := r.In(region)
	own.Beside = slices.DeleteFunc(slices.Clone(r.Regions), func(other string) bool { return other == region })
	own.Regions, own.Region = []string{region}, region
	if prometheus {
		own.RulesRegion = region
	}
	return own
}

// Named is how a command names the service in a region: with the region, where it has several.
func (r *Runbook) Named(region string) string {
	if len(r.Regions) < 2 && r.Region == "" {
		return r.Service
	}
	return r.Service + " --region " + region
}

// Regional reports whether a key names its region.
func (o Routing) Regional() bool { return !reflect.DeepEqual(o, o.In("")) }

// In is the routing with {region} replaced by the region's name.
func (o Routing) In(region string) Routing {
	for _, field := range []*string{&o.Root, &o.Service, &o.Key, &o.Flags} {
		*field = strings.ReplaceAll(*field, regionMark, region)
	}
	for _, list := range []*[]string{&o.Sources, &o.Instances} {
		*list = slices.Clone(*list)
		for n := range *list {
			(*list)[n] = strings.ReplaceAll((*list)[n], regionMark, region)
		}
	}
	if o.Mirror != nil {
		m := *o.Mirror
		m.Service = strings.ReplaceAll(m.Service, regionMark, region)
		o.Mirror = &m
	}
	return o
}

// in returns the place of a region; false: the installation has no such region.
func (places Places) in(region string) (Place, bool) {
	if places == nil {
		return Place{}, true
	}
	place, ok := places[region]
	return place, ok
}

func (r *Runbook) checkRegions(p *decoder) {
	if len(r.Regions) == 0 {
		p.add("regions", "is empty", "leave it out, or name a region")
	}
	for i, region := range r.Regions {
		at := fmt.Sprintf("regions[%d]", i)
		p.name(at, region)
		if first := slices.Index(r.Regions, region); first < i {
			p.add(at, fmt.Sprintf("%q is named twice", region), "keep one of the two")
			continue
		}
		place, ok := p.places.in(region)
		if !ok {
			p.add(at, fmt.Sprintf("the region file has no %q", region), "name its store and its Prometheus there, or the region here as there")
			continue
		}
		for _, other := range r.Regions[:i] {
			if beside, ok := p.places.in(other); ok {
				r.checkShared(p, other, region, place.Store == beside.Store, place.Prometheus == beside.Prometheus)
			}
		}
	}
}

// checkShared refuses two regions that would be taken for one: with one Prometheus their
// series must tell them apart, with one store their keys.
func (r *Runbook) checkShared(p *decoder, a, b string, store, prometheus bool) {
	if prometheus && r.Metrics.RegionLabel == "" {
		p.missing("metrics.region_label", "name the label that holds the region: with two or more regions the rules must tell them apart")
	}
	kind, known := routerKinds[r.Routing.Router]
	// Config entries are the primary datacenter's, whichever store a region has.
	if store = store || r.Routing.Router == Splitter; !known || !store {
		return
	}
	one, two := r.Routing.In(a), r.Routing.In(b)
	shared := func(field, key string) {
		p.add("routing."+field, fmt.Sprintf("regions %s and %s share the key %s: each would move the other's traffic", a, b, key),
			"write "+regionMark+" in it, which stands for the region's name, or give each region a store of its own")
	}
	if key := kind.weights(one); key != "" && key == kind.weights(two) {
		field := "service"
		if r.Routing.Key != "" {
			field = "key"
		}
		shared(field, key)
	}
	if one.Flags != "" && one.Flags == two.Flags {
		shared("flags", one.Flags)
	}
	if m := one.Mirror; m != nil && m.Service != "" && m.Service == two.Mirror.Service && one.Root == two.Root {
		shared("mirror.service", m.Service)
	}
}

// IsRegion reports whether a text can be a region's name.
func IsRegion(name string) bool { return namePattern.MatchString(name) }

// Alone reports whether a region shares its Prometheus with no other.
func (places Places) Alone(region string) bool {
	for other, place := range places {
		if other != region && place.Prometheus == places[region].Prometheus {
			return false
		}
	}
	return true
}
