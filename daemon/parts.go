package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	promconfig "github.com/prometheus/common/config"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
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
	return nil, OptionError{fmt.Errorf("--store %q is neither file:PATH nor consul://HOST:PORT", cfg.Store)}
}

func openConsul(cfg Config, kind, address string) (store.Store, error) {
	scheme := "http"
	if kind == "consul+https" {
		scheme = "https"
	}
	token, err := secretFile(cfg.Consul.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("read Consul token: %w", err)
	}
	return store.OpenConsul(store.ConsulConfig{Address: address, Scheme: scheme, Token: token,
		Datacenter: cfg.Consul.Datacenter, CAFile: cfg.Consul.CAFile, Replica: replica(cfg)})
}

// secretFile reads a one-line secret; no file is no secret.
func secretFile(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	return strings.TrimSpace(string(text)), err
}

// OpenPrometheus is the Prometheus at url, the value of flag. httpConfig is a file in
// Prometheus' form, or empty.
func OpenPrometheus(flag, url, httpConfig string) (*promapi.Client, error) {
	transport, err := transportOf(httpConfig, "prometheus")
	if err != nil {
		return nil, err
	}
	client, err := promapi.New(url, transport)
	if err != nil {
		return nil, OptionError{fmt.Errorf("%s: %w", flag, err)}
	}
	return client, nil
}

// transportOf is how a file in Prometheus' form says that somebody is reached: TLS,
// authentication, a proxy, headers such as a tenant's. Without a file it is nil, the plain one.
func transportOf(httpConfig, name string) (http.RoundTripper, error) {
	if httpConfig == "" {
		return nil, nil
	}
	hc, _, err := promconfig.LoadHTTPConfigFile(httpConfig)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", httpConfig, err)
	}
	transport, err := promconfig.NewRoundTripperFromConfig(*hc, name)
	if err != nil {
		return nil, fmt.Errorf("set up HTTP client of %s: %w", name, err)
	}
	return transport, nil
}

// renderer makes an incident's page.
type renderer func(record.Incident, *runbook.Runbook, report.Options) []byte

// page renders an incident as it stands.
func (d *Daemon) page(folder audit.Folder, external string, render renderer) func(context.Context, record.Incident) ([]byte, error) {
	return func(ctx context.Context, inc record.Incident) ([]byte, error) {
		o := report.Options{Now: time.Now().UTC(), External: external, Prometheus: d.siteOf(inc.Region).Prometheus.URL, Regions: d.set.Stands(ctx, inc.Service)}
		if stages, err := folder.Stages(inc.ID); err == nil {
			o.Evidence = stages
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
func (d *Daemon) newPost(reg prometheus.Registerer, keys report.Keyring, external string, alertmanagers ...string) (report.Notifier, error) {
	cfg := d.cfg.Messages
	sinks := []report.Sink{{Name: "log", Sender: report.Log{Logger: d.log}}}
	if len(alertmanagers) > 0 {
		transport, err := transportOf(cfg.AlertmanagerHTTP, "alertmanager")
		if err != nil {
			return report.Notifier{}, err
		}
		sinks = append(sinks, report.Sink{Name: "alertmanager", Sender: report.Alertmanager{
			URLs: alertmanagers, Client: &http.Client{Transport: transport}, Log: d.log,
			Runbook:     func(service string) *runbook.Runbook { rb, _ := d.set.Runbook(service); return rb },
			IncidentURL: func(id string) string { return external + report.IncidentPath + id },
			Incident:    func(ctx context.Context, id string) (record.Incident, error) { return d.set.Incident(ctx, id) },
		}})
	}
	if cfg.Webhook != "" {
		hook, err := openWebhook(cfg.Webhook, cfg.WebhookSecrets)
		if err != nil {
			return report.Notifier{}, err
		}
		sinks = append(sinks, report.Sink{Name: "webhook", Sender: hook})
	}
	return report.Notifier{Keys: keys, External: external, Out: report.NewFanout(reg, d.log, sinks...),
		Approval: func(ctx context.Context, id string) (record.Approval, error) { return d.set.Approval(ctx, id) }}, nil
}

func openWebhook(url, secretsFile string) (*report.Webhook, error) {
	text, err := secretFile(secretsFile)
	if err != nil {
		return nil, fmt.Errorf("read webhook secrets: %w", err)
	}
	var secrets []report.Secret
	for line := range strings.FieldsSeq(text) {
		secrets = append(secrets, report.NewSecret(line))
	}
	return report.NewWebhook(url, secrets...)
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
