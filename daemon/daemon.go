// Package daemon wires every part into the process that `autorollback serve` and the demo of
// the lab run. It reads no command line and it never decides anything itself.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/archive"
	"github.com/autorollback/autorollback/holds"
	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/regions"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/secret"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/web"
)

// A Daemon is every part, wired.
type Daemon struct {
	cfg     Config
	log     *zap.Logger
	Store   store.Store // the first region's
	places  runbook.Places
	sites   []*site // of one region each, by name
	set     *regions.Set
	hooks   *receiver.Receiver
	pages   http.Handler
	auth    web.Auth
	flags   *flagServer // nil: off
	archive *archive.Archiver
	holder  *holds.Holder
	scrape  *metricsServer // nil: at the people's listener alone
	served  atomic.Pointer[[]*runbook.Runbook]
	Keys    report.Keyring
	dropped *prometheus.CounterVec // connections, by listener
	close   []func() error         // last opened first
}

// New wires the parts from the far end to the near.
func New(cfg Config, people net.Addr, log *zap.Logger) (*Daemon, error) {
	d := &Daemon{cfg: cfg, log: log}
	if err := d.wire(people); err != nil {
		return nil, errors.Join(err, d.closeAll())
	}
	return d, nil
}

func (d *Daemon) wire(people net.Addr) error {
	cfg := d.cfg
	all, err := cfg.regions()
	if err != nil {
		return err
	}
	if d.places, err = Places(cfg.RegionsFile); err != nil {
		return err
	}
	runbooks, err := d.places.LoadAll(cfg.Runbooks...)
	if err != nil {
		return err
	}
	if err := errors.Join(d.checkSinks(runbooks), d.checkCommands(runbooks)); err != nil {
		return err
	}
	external, err := externalURL(cfg, people)
	if err != nil {
		return err
	}
	if cfg.Receiver.TokenFile == "" && cfg.Receiver.TLS.ClientCA == "" {
		return OptionError{errors.New("anybody could call the receiver: name --receiver.token-file, which is made if it is missing, --receiver.tls-client-ca-file, or both")}
	}
	if cfg.Receiver.TLS.Key != "" {
		if err := secret.Check(cfg.Receiver.TLS.Key, secret.Group); err != nil {
			return fmt.Errorf("read the receiver's key: %w", err)
		}
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	d.dropped = promauto.With(reg).NewCounterVec(prometheus.CounterOpts{Name: "autorollback_connections_dropped_total",
		Help: "Connections closed because their listener, or their address, had reached its limit."}, []string{"listener"})
	if err := d.openSites(all, reg); err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.Evidence, 0o755); err != nil {
		return fmt.Errorf("make evidence folder: %w", err)
	}
	journal, past, err := d.openJournal()
	if err != nil {
		return err
	}
	seen, err := journal.Seen()
	if err != nil {
		return err
	}
	if d.Keys, err = d.openKeys(external.String()); err != nil {
		return err
	}
	if err := ensureToken(cfg.Receiver.TokenFile); err != nil {
		return err
	}
	if err := d.startEngines(journal, past, seen, runbooks, external.String()); err != nil {
		return err
	}
	if err := d.openArchive(journal, reg); err != nil {
		return err
	}
	d.hooks, err = receiver.New(d.set, receiver.Config{TokenFile: cfg.Receiver.TokenFile, TLS: cfg.Receiver.TLS, Known: d.knows, Dropped: d.dropped.WithLabelValues("receiver")}, d.log, reg)
	if err != nil {
		return err
	}
	if err := d.openPages(reg, people, external); err != nil {
		return err
	}
	d.served.Store(&runbooks)
	d.flags, err = d.openFlags(reg)
	return err
}

// Run serves until ctx ends. The listeners close first; then the engine finishes what it
// has begun; then everything that was opened is closed.
func (d *Daemon) Run(ctx context.Context, hooks, people net.Listener, reload <-chan os.Signal) (err error) {
	defer func() { err = errors.Join(err, d.closeAll()) }()
	d.log.Info("serving", zap.String("receiver", hooks.Addr().String()), zap.String("web", people.Addr().String()),
		zap.String("store", d.storeNames()), zap.String("version", d.cfg.Version))
	g, ctx := errgroup.WithContext(ctx)
	loop, stopLoop := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLoop()
	g.Go(func() error { return d.set.Run(loop) })
	g.Go(func() error { defer stopLoop(); return d.serveListeners(ctx, hooks, people) })
	g.Go(func() error { return d.flags.serve(ctx) })
	g.Go(func() error { return d.scrape.serve(ctx) })
	g.Go(func() error { return d.archive.Run(ctx) })
	g.Go(func() error { return d.holder.Run(ctx) })
	g.Go(func() error { return d.reloads(ctx, reload) })
	g.Go(func() error { d.gc(ctx); return nil })
	err = g.Wait()
	d.log.Info("stopped", zap.Error(err))
	return err
}

func (d *Daemon) serveListeners(ctx context.Context, hooks, people net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.hooks.Run(ctx, hooks) })
	g.Go(func() error {
		return web.Serve(ctx, []net.Listener{people}, d.cfg.Web.ConfigFile, d.pages, d.dropped.WithLabelValues("web"), d.log)
	})
	return g.Wait()
}

func (d *Daemon) reloads(ctx context.Context, reload <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-reload:
			d.signalled(ctx)
			if err := d.reload(); err != nil {
				d.log.Error("reload: nothing was changed", zap.Error(err))
			}
		}
	}
}

// signalled records that a signal ordered a reload. Whoever may send one is on this machine, and
// is not kept from it by a store that does not answer.
func (d *Daemon) signalled(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	o := record.Order{Caller: record.Caller{Name: "SIGHUP", How: "signal"}, Action: record.OrderReload}
	if err := d.set.Ordered(within, o); err != nil {
		d.log.Warn("record the order of a reload by signal", zap.Error(err))
	}
}

// reload reads the runbooks again, all or nothing. The files of people are read at every request;
// here their mistakes are told.
func (d *Daemon) reload() error {
	if _, err := d.auth.Check(); err != nil {
		return err
	}
	runbooks, err := d.places.LoadAll(d.cfg.Runbooks...)
	if err != nil {
		return err
	}
	if err := errors.Join(d.checkSinks(runbooks), d.checkCommands(runbooks)); err != nil {
		return err
	}
	if err := d.set.Reload(runbooks); err != nil {
		return err
	}
	d.served.Store(&runbooks)
	d.log.Info("runbooks read again", zap.Int("runbooks", len(runbooks)))
	return nil
}

// ready: a region whose store does not answer keeps none of the others from their work.
func (d *Daemon) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	errs := make([]error, len(d.sites))
	var g errgroup.Group
	for n, at := range d.sites {
		g.Go(func() error { _, errs[n] = at.store.Read(ctx, store.ControlKey); return nil })
	}
	_ = g.Wait() // errs has what went wrong
	if slices.Contains(errs, nil) {
		return nil
	}
	return fmt.Errorf("read store: %w", errors.Join(errs...))
}

func (d *Daemon) knows(service, trigger string) bool {
	if slices.Contains([]string{rules.WatchdogTrigger, rules.BlindTrigger, rules.DoctorTrigger}, trigger) {
		return true
	}
	rb, ok := d.set.Runbook(service)
	if !ok {
		return false
	}
	_, ok = rb.Trigger(trigger)
	return ok
}

// checkCommands refuses runbooks that name a program to run, unless that is allowed here.
func (d *Daemon) checkCommands(runbooks []*runbook.Runbook) error {
	var wrong []error
	for _, rb := range runbooks {
		if all := rb.Evidence.Commands(); len(all) > 0 && !d.cfg.Commands {
			wrong = append(wrong, fmt.Errorf("%s: evidence names the command %s, and --evidence.allow-commands is not set", rb.File, all[0]))
		}
	}
	return errors.Join(wrong...)
}

func (d *Daemon) onClose(f func() error) { d.close = append(d.close, f) }

func (d *Daemon) closeAll() error {
	var errs []error
	for i := len(d.close) - 1; i >= 0; i-- {
		errs = append(errs, d.close[i]())
	}
	d.close = nil
	return errors.Join(errs...)
}

func replica(cfg Config) string {
	if cfg.Replica != "" {
		return cfg.Replica
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}

// externalURL is what people reach us at: as told, or made from the listener.
func externalURL(cfg Config, people net.Addr) (*url.URL, error) {
	if cfg.Web.External == "" {
		_, port, err := net.SplitHostPort(people.String())
		if err != nil {
			return nil, fmt.Errorf("parse listen address: %w", err)
		}
		return &url.URL{Scheme: "http", Host: net.JoinHostPort("localhost", port)}, nil
	}
	u, err := secret.URL(strings.TrimRight(cfg.Web.External, "/"), "leave it out, links are made of this")
	if err != nil {
		return nil, OptionError{fmt.Errorf("--web.external-url: %w", err)}
	}
	return u, nil
}

// approval finds an approval for the sealed page.
func (d *Daemon) approval(id string) (record.Approval, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return d.set.Approval(ctx, id)
}
