package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"
	promconfig "github.com/prometheus/common/config"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/verify"
)

// openStore opens what --store names.
func openStore(cfg config, onClose func(func() error)) (store.Store, error) {
	kind, rest, _ := strings.Cut(cfg.Store, ":")
	switch kind {
	case "file":
		f, err := store.OpenFile(rest)
		if err != nil {
			return nil, err
		}
		onClose(f.Close)
		return f, nil
	case "consul", "consul+https":
		return openConsul(cfg, kind, strings.TrimPrefix(rest, "//"))
	}
	return nil, usage{fmt.Errorf("--store %q is neither file:PATH nor consul://HOST:PORT", cfg.Store)}
}

func openConsul(cfg config, kind, address string) (store.Store, error) {
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

func openPrometheus(cfg config) (*verify.Prometheus, error) {
	var transport http.RoundTripper
	if file := cfg.Prometheus.HTTPConfig; file != "" {
		hc, _, err := promconfig.LoadHTTPConfigFile(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if transport, err = promconfig.NewRoundTripperFromConfig(*hc, "prometheus"); err != nil {
			return nil, fmt.Errorf("use %s: %w", file, err)
		}
	}
	return verify.NewPrometheus(cfg.Prometheus.URL, transport, cfg.Prometheus.Timeout)
}

// verifyLive compares the rules with those a Prometheus has loaded.
func verifyLive(ctx context.Context, want []rules.Group, url string) ([]rules.Drift, error) {
	client, err := api.NewClient(api.Config{Address: url})
	if err != nil {
		return nil, fmt.Errorf("use %s: %w", url, err)
	}
	return rules.VerifyLive(ctx, want, v1.NewAPI(client))
}

// archive keeps evidence folders with the incident page in them.
type archive struct {
	folder               report.Folder
	external, prometheus string
}

// Capture implements engine.Archive.
func (a archive) Capture(inc runbook.Incident, stage string, parts map[string][]byte) error {
	_, _, err := a.folder.Capture(inc, stage, parts)
	return err
}

// Seal implements engine.Archive.
func (a archive) Seal(inc runbook.Incident, rb *runbook.Runbook) (path, digest string, err error) {
	stages, err := a.folder.Stages(inc.ID)
	if err != nil {
		return "", "", err
	}
	o := report.Options{Now: time.Now().UTC(), External: a.external, Prometheus: a.prometheus, Evidence: stages}
	digest, err = a.folder.Seal(inc, rb.Evidence.Keep, map[string][]byte{
		"incident.md": report.Markdown(inc, rb, o), "incident.html": report.HTML(inc, rb, o),
	})
	return a.folder.Path(inc.ID), digest, err
}

// page renders an incident for the browser.
func (d *daemon) page(folder report.Folder, external string) func(context.Context, runbook.Incident) ([]byte, error) {
	return func(ctx context.Context, inc runbook.Incident) ([]byte, error) {
		o := report.Options{Now: time.Now().UTC(), External: external, Prometheus: d.cfg.Prometheus.URL}
		if stages, err := folder.Stages(inc.ID); err == nil {
			o.Evidence = stages
		}
		if inc.Approval != "" {
			if a, err := d.engine.Approval(ctx, inc.Approval); err == nil {
				o.Approval = &a
			}
		}
		rb, _ := d.engine.Runbook(inc.Service)
		return report.HTML(inc, rb, o), nil
	}
}

// post signs the link of a message and sends it everywhere.
type post struct {
	fan      *report.Fanout
	keys     report.Keyring
	external string
	daemon   *daemon
	names    string
}

func newPost(cfg config, reg prometheus.Registerer, log *zap.Logger, keys report.Keyring, external string, d *daemon) (post, error) {
	sinks := []report.Sink{{Name: "log", Sender: report.Log{Logger: log}}}
	if urls := cfg.Messages.Alertmanagers; len(urls) > 0 {
		sinks = append(sinks, report.Sink{Name: "alertmanager", Sender: report.Alertmanager{
			URLs: urls, Log: log, Runbook: func(service string) *runbook.Runbook { rb, _ := d.engine.Runbook(service); return rb },
			IncidentURL: func(id string) string { return external + report.IncidentPath + id },
		}})
	}
	if cfg.Messages.Webhook != "" {
		secrets, err := secretFile(cfg.Messages.WebhookSecrets)
		if err != nil {
			return post{}, fmt.Errorf("read webhook secrets: %w", err)
		}
		var keys []report.Secret
		for _, line := range strings.Fields(secrets) {
			keys = append(keys, report.NewSecret(line))
		}
		hook, err := report.NewWebhook(cfg.Messages.Webhook, keys...)
		if err != nil {
			return post{}, err
		}
		sinks = append(sinks, report.Sink{Name: "webhook", Sender: hook})
	}
	var names []string
	for _, s := range sinks {
		names = append(names, s.Name)
	}
	return post{report.NewFanout(reg, log, sinks...), keys, external, d, strings.Join(names, ", ")}, nil
}

// Send implements engine.Post.
func (p post) Send(ctx context.Context, m runbook.Message) (string, error) {
	link := ""
	if m.Approval != "" {
		a, err := p.daemon.engine.Approval(ctx, m.Approval)
		if err != nil {
			return "", fmt.Errorf("sign link: %w", err)
		}
		link = report.Link(p.external, p.keys.Sign(a))
	}
	return p.names, p.fan.Send(ctx, m, link)
}
