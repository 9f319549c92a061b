package daemon

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/autorollback/autorollback/arming"
	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/evidence/samples"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/regions"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/verify"
)

// A site is the parts of one region, or of the only one, which has no name.
type site struct {
	Region
	name     string
	own      bool // its Prometheus is no other region's
	store    store.Store
	prom     *promapi.Client
	asks     *verify.Prometheus
	checks   arming.Checker
	monitor  *monitor.Monitor
	registry *prometheus.Registry // of its series
	engine   *engine.Engine
}

// openSites opens each region's store, which several may share, and its Prometheus.
func (d *Daemon) openSites(all map[string]Region, reg *prometheus.Registry) error {
	opened := map[string]store.Store{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := &site{Region: all[name], name: name, registry: reg, own: name != "" && d.places.Alone(name)}
		if name != "" {
			at.registry = prometheus.NewRegistry()
		}
		var err error
		if at.store = opened[at.storeName()]; at.store == nil {
			if at.store, err = OpenStore(d.cfg.storeOf(at.Region), d.onClose); err != nil {
				return err
			}
			opened[at.storeName()] = at.store
		}
		if at.prom, err = OpenPrometheus(cmp.Or(name, "--prometheus.url"), at.Prometheus.URL, at.Prometheus.HTTPConfig, d.cfg.Allow...); err != nil {
			return err
		}
		at.asks, at.checks, at.monitor = verify.New(at.prom, d.cfg.Prometheus.Timeout), arming.New(at.prom, now), monitor.New(at.prom, d.log)
		at.registry.MustRegister(at.monitor)
		d.sites = append(d.sites, at)
	}
	d.Store = d.sites[0].store
	return nil
}

// sources are the stores with the regions whose they are.
func (d *Daemon) sources() []regions.Source {
	var all []regions.Source
	for _, at := range d.sites {
		n := slices.IndexFunc(all, func(s regions.Source) bool { return s.Store == at.store })
		if n < 0 {
			all, n = append(all, regions.Source{Store: at.store}), len(all)
		}
		if at.name != "" {
			all[n].Regions = append(all[n].Regions, at.name)
		}
	}
	return all
}

// startEngines makes each region's engine, and the set of them.
func (d *Daemon) startEngines(journal *audit.Journal, past []record.AlertResult, seen []record.Seen, runbooks []*runbook.Runbook, external string) error {
	cfg, stores := d.cfg, regions.NewStores(d.sources()...)
	var members []regions.Member
	for _, at := range d.sites {
		var labelled prometheus.Registerer = at.registry
		if at.name != "" {
			labelled = prometheus.WrapRegistererWith(prometheus.Labels{"region": at.name}, labelled)
		}
		mail, err := d.newPost(labelled, d.Keys, external, cfg.alertmanagers(at.Region)...)
		if err != nil {
			return err
		}
		archive := report.Archive{Folder: audit.Folder{Dir: cfg.Evidence}, External: external, Prometheus: at.Prometheus.URL, Approval: d.approval}
		at.engine, err = engine.New(engine.Parts{
			Store: at.store, Prometheus: at.asks, Monitor: at.monitor, Arming: at.checks, Regions: stores,
			Journal: journal, Past: past, Seen: seen, Log: d.log, Registerer: at.registry, Archive: archive, Post: mail, Client: d.client(),
			Samples: samples.Asker{Commands: cfg.Commands},
		}, runbooks, engine.Options{
			Region: at.name, OwnPrometheus: at.own, Replica: replica(cfg), WatchEvery: cfg.WatchEvery, ReconcileEvery: cfg.ReconcileEvery,
			RulesEvery: cfg.RulesEvery, ControlByTwo: cfg.ControlByTwo, Archives: cfg.Archive.URL != "", Boundary: faultPoint, Version: cfg.Version,
		})
		if err != nil {
			return err
		}
		members = append(members, regions.Member{Region: at.name, Prometheus: at.prometheusName(), Engine: at.engine})
	}
	d.set = regions.New(stores, members, runbooks, d.log)
	return nil
}

// siteOf is the region's, or the first.
func (d *Daemon) siteOf(region string) *site {
	for _, at := range d.sites {
		if at.name == region {
			return at
		}
	}
	return d.sites[0]
}

// gatherer has the process' series, and those of each region.
func (d *Daemon) gatherer(reg *prometheus.Registry) prometheus.Gatherer {
	all := prometheus.Gatherers{reg}
	for _, at := range d.sites {
		if at.registry != reg {
			all = append(all, at.registry)
		}
	}
	return all
}

func (d *Daemon) storeNames() string {
	var all []string
	for _, at := range d.sites {
		all = append(all, at.Store)
	}
	return strings.Join(all, ", ")
}
