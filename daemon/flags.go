package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/bearer"
	"github.com/autorollback/autorollback/ofrep"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/web"
)

// A flagServer is the listener for machines that read flags.
type flagServer struct {
	listener net.Listener
	config   string // TLS in exporter-toolkit's form
	memory   *ofrep.Memory
	handler  http.Handler
	dropped  prometheus.Counter
	log      *zap.Logger
}

// openFlags opens the listener, if there is to be one.
func (d *Daemon) openFlags(reg prometheus.Registerer) (*flagServer, error) {
	cfg := d.cfg.OFREP
	if cfg.Listen == "" {
		return nil, nil
	}
	if cfg.TokenFile == "" {
		return nil, OptionError{errors.New("anybody could read the flags: name --ofrep.token-file, which is made if it is missing")}
	}
	if modes, err := (web.Auth{ConfigFile: cfg.ConfigFile}).Check(); err != nil {
		return nil, err
	} else if modes.BasicAuth {
		return nil, OptionError{errors.New("--ofrep.config.file has basic_auth_users, and readers of flags show a token of --ofrep.token-file: remove them")}
	}
	if err := ensureToken(cfg.TokenFile); err != nil {
		return nil, err
	}
	tokens, err := bearer.Open(cfg.TokenFile, d.log)
	if err != nil {
		return nil, err
	}
	f := &flagServer{config: cfg.ConfigFile, memory: ofrep.NewMemory(d.flagTargets, d.log), dropped: d.dropped.WithLabelValues("flags"), log: d.log}
	f.handler = ofrep.Handler(f.memory, tokens, reg)
	f.listener, err = d.listen(cfg.Listen, "readers of flags")
	return f, err
}

// serve runs until ctx ends; without a listener it is over at once.
func (f *flagServer) serve(ctx context.Context) error {
	if f == nil {
		return nil
	}
	f.log.Info("serving flags", zap.String("ofrep", f.listener.Addr().String()))
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.memory.Run(ctx) })
	g.Go(func() error { return web.Serve(ctx, []net.Listener{f.listener}, f.config, f.handler, f.dropped, f.log) })
	return g.Wait()
}

// flagTargets are the places of all flag documents.
func (d *Daemon) flagTargets() []ofrep.Target {
	var all []ofrep.Target
	for _, rb := range *d.served.Load() {
		for _, region := range rb.Regions {
			if prefix := rb.Routing.In(region).Flags; prefix != "" {
				all = append(all, ofrep.Target{Service: rb.Service, Region: region, Prefix: prefix, Store: d.siteOf(region).store})
			}
		}
	}
	return all
}

// exportFlags reads the documents of a service, for somebody else's flag system.
func (d *Daemon) exportFlags(ctx context.Context, service, region, format string) (api.FlagExport, error) {
	targets := d.flagTargets()
	n := slices.IndexFunc(targets, func(t ofrep.Target) bool { return t.Service == service && t.Region == region })
	if n < 0 {
		return api.FlagExport{}, fmt.Errorf("flags of %s in %s: %w: no runbook here has routing.flags for it", service, region, runbook.ErrNotFound)
	}
	t := targets[n]
	snap, err := t.Store.Read(ctx, t.Prefix)
	if err != nil {
		return api.FlagExport{}, fmt.Errorf("%w: read flags: %w", runbook.ErrLater, err)
	}
	view := ofrep.View{Service: service, Region: region, Documents: ofrep.Documents(snap.Entries, t.Prefix), ReadAt: time.Now()}
	doc, leftOut, err := ofrep.Export(view, format)
	if err != nil {
		return api.FlagExport{}, runbook.Refuse("%s", err)
	}
	return api.FlagExport{Document: doc, LeftOut: leftOut}, nil
}
