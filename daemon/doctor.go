package daemon

import (
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/autorollback/autorollback/arming"
	"github.com/autorollback/autorollback/doctor"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/verify"
)

// doctor examines this daemon.
func (d *Daemon) doctor(
	prom *promapi.Client, asks *verify.Prometheus, checks arming.Checker, reg prometheus.Gatherer, people net.Addr,
) *doctor.Doctor {
	cfg := d.cfg
	_, port, _ := net.SplitHostPort(people.String())
	return &doctor.Doctor{
		Prometheus: prom, Arming: checks, Store: d.Store, HTTP: &http.Client{},
		Status: d.engine.Status, Runbook: d.engine.Runbook, Rules: asks.Rules,
		Watchdog: d.engine.WatchdogReceived, Synthetic: d.engine.SyntheticReceived,
		Calls: func() (accepted, refused doctor.Call) {
			a, r := d.hooks.Newest()
			return doctor.Call(a), doctor.Call(r)
		},
		ReceiverPath: receiver.Path, Bearer: cfg.Receiver.TokenFile != "",
		Started: time.Now(), ProcessStart: processStart(reg), WebPort: port,
		Evidence: cfg.Evidence, Journal: cfg.journal(),
		Secrets: []string{cfg.Receiver.TokenFile, cfg.OFREP.TokenFile, cfg.Keys, cfg.Consul.TokenFile, cfg.Messages.WebhookSecrets},
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
