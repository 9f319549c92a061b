package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/report/notify"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/secret"
	"github.com/autorollback/autorollback/store"
)

// OpenStore opens what --store names.
func OpenStore(cfg Config, onClose func(func() error)) (store.Store, error) {
	kind, rest, _ := strings.Cut(cfg.Store, ":")
	switch kind {
	case "file":
		if strings.HasPrefix(rest, "//") && !strings.HasPrefix(rest, "///") {
			return nil, OptionError{fmt.Errorf("--store %q: a file is named without slashes, file:%s", cfg.Store, rest[2:])}
		}
		f, err := store.OpenFile(rest)
		if err != nil {
			return nil, err
		}
		onClose(f.Close)
		return f, nil
	case "consul", "consul+https":
		return openConsul(cfg, kind, strings.TrimPrefix(rest, "//"))
	}
	return nil, OptionError{errors.New("--store is neither file:PATH nor consul://HOST:PORT")}
}

func openConsul(cfg Config, kind, address string) (store.Store, error) {
	if strings.Contains(address, "@") {
		return nil, OptionError{errors.New("--store: the address holds a name or a password, which everybody can see in the list of processes: " +
			"write the token into a file, and name that with --store.consul-token-file")}
	}
	scheme := "http"
	if kind == "consul+https" {
		scheme = "https"
	}
	var token secret.Value
	if cfg.Consul.TokenFile != "" {
		var err error
		if token, err = store.ConsulToken(cfg.Consul.TokenFile); err != nil {
			return nil, err
		}
	}
	return store.OpenConsul(store.ConsulConfig{Address: address, Scheme: scheme, Token: token.Reveal(), Allow: cfg.Allow,
		Datacenter: cfg.Consul.Datacenter, CAFile: cfg.Consul.CAFile, Replica: replica(cfg)})
}

// renderer makes an incident's page.
type renderer func(record.Incident, *runbook.Runbook, report.Options) []byte

// page renders an incident as it stands.
func (d *Daemon) page(folder audit.Folder, external string, render renderer) func(context.Context, record.Incident) ([]byte, error) {
	return func(ctx context.Context, inc record.Incident) ([]byte, error) {
		o := report.Options{Now: time.Now().UTC(), External: external, Prometheus: d.siteOf(inc.Region).Prometheus.URL, Regions: d.set.Stands(ctx, inc.Service), Replica: replica(d.cfg)}
		if stages, err := folder.Stages(inc); err == nil {
			o.Evidence = stages
			o.Gathered, _ = report.GatheredOf(folder, inc) // what was altered is not shown
		}
		inc.Impact = d.set.ImpactNow(ctx, inc)
		curves, err := d.set.IncidentCurves(ctx, inc)
		if o.Curves = curves; err != nil {
			o.CurvesProblem = err.Error()
		}
		if inc.Approval != "" {
			if a, err := d.set.Approval(ctx, inc.Approval); err == nil {
				o.Approval = &a
			}
		}
		rb, _ := d.set.RunbookIn(inc.Service, inc.Region)
		return render(inc, rb, o), nil
	}
}

// newPost sends messages to the log, to these Alertmanagers, and wherever else we are told.
func (d *Daemon) newPost(reg prometheus.Registerer, keys report.Keyring, external string, alertmanagers ...string) (*notify.Notifier, error) {
	sinks := []notify.Sink{{Name: "log", Sender: notify.Log{Logger: d.log}}}
	if len(alertmanagers) > 0 {
		client, err := d.alertmanagerClient(alertmanagers)
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, notify.Sink{Name: "alertmanager", Sender: notify.Alertmanager{
			URLs: alertmanagers, Client: client, Log: d.log,
			Runbook:     func(service string) *runbook.Runbook { rb, _ := d.set.Runbook(service); return rb },
			IncidentURL: func(id string) string { return external + report.IncidentPath + id },
			Incident:    func(ctx context.Context, id string) (record.Incident, error) { return d.set.Incident(ctx, id) },
		}})
	}
	hook, err := d.webhook()
	if err != nil {
		return nil, err
	}
	if hook != nil {
		sinks = append(sinks, notify.Sink{Name: "webhook", Sender: hook})
	}
	chosen, err := d.chosenSinks(external)
	if err != nil {
		return nil, err
	}
	sinks = append(sinks, chosen...)
	return notify.New(reg, notify.Options{Keys: keys, External: external,
		Named: func(service string) []string {
			if rb, ok := d.set.Runbook(service); ok {
				return rb.Communication.Sinks
			}
			return nil
		},
		Approval: func(ctx context.Context, id string) (record.Approval, error) { return d.set.Approval(ctx, id) }}, sinks...), nil
}

// openKeys loads the keyring, and makes one if there is none. With a store that
// replicas share, the file must be shared as well, and a fresh one says so.
func (d *Daemon) openKeys(external string) (report.Keyring, error) {
	_, err := os.Stat(d.cfg.Keys)
	fresh := errors.Is(err, fs.ErrNotExist)
	keys, err := report.EnsureKeyring(d.cfg.Keys)
	if err == nil && fresh && strings.Contains(d.storeNames(), "consul") {
		d.log.Warn("a new key for approval links was made: give the file to every replica, or their links are refused here", zap.String("file", d.cfg.Keys))
	}
	return keys.For(external), err
}

// ensureToken makes the receiver's token file if there is none, so that Alertmanager
// can be pointed at it.
func ensureToken(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make receiver token: %w", err)
	}
	_, err = f.WriteString(rand.Text() + rand.Text() + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// gc removes what processes that are long gone left in the store.
func (d *Daemon) gc(ctx context.Context) {
	for _, at := range d.sites {
		c, ok := at.store.(*store.Consul)
		if !ok {
			continue
		}
		if err := c.GC(ctx, time.Now()); err != nil && ctx.Err() == nil {
			d.log.Warn("collect garbage in the store", zap.String("region", at.name), zap.Error(err))
		}
	}
}
