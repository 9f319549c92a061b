package daemon

import (
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/autorollback/autorollback/doctor"
	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/regions"
	"github.com/autorollback/autorollback/web"
)

// doctor examines this daemon, region by region.
func (d *Daemon) doctor(reg prometheus.Gatherer, people net.Addr) web.Doctor {
	if len(d.sites) == 1 {
		return d.doctorOf(d.sites[0], reg, people)
	}
	all := regions.Doctors{}
	for _, at := range d.sites {
		all[at.name] = d.doctorOf(at, reg, people)
	}
	return all
}

func (d *Daemon) doctorOf(at *site, reg prometheus.Gatherer, people net.Addr) *doctor.Doctor {
	cfg := d.cfg
	scraped := people
	if d.scrape != nil {
		scraped = d.scrape.listener.Addr()
	}
	_, port, _ := net.SplitHostPort(scraped.String())
	return &doctor.Doctor{
		Prometheus: at.prom, Arming: at.checks, Store: at.store, HTTP: d.client(),
		Status: at.engine.Status, Runbook: at.engine.Runbook, Rules: at.asks.Rules,
		Watchdog: at.engine.WatchdogReceived, Synthetic: at.engine.SyntheticReceived,
		Calls: func() (accepted, refused doctor.Call) {
			a, r := d.hooks.Newest()
			return doctor.Call(a), doctor.Call(r)
		},
		ReceiverPath: receiver.Path, Bearer: cfg.Receiver.TokenFile != "",
		Started: time.Now(), ProcessStart: processStart(reg), WebPort: port,
		Evidence: cfg.Evidence, Journal: cfg.journal(), Archive: d.archive, Holds: d.holder.Stand,
		Secrets: append(cfg.secretFiles(), at.TokenFile),
	}
}

// processStart is what this process exports about when it began; 0: nothing.
func processStart(reg prometheus.Gatherer) float64 {
	families, err := reg.Gather()
	if err != nil {
		return 0
	}
	for _, f := range families {
		if f.GetName() == "process_start_time_seconds" && len(f.GetMetric()) > 0 {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return 0
}
