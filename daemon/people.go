package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/web"
)

// openPages makes what people see, and the listener of the metrics if there is to be one.
func (d *Daemon) openPages(reg *prometheus.Registry, people net.Addr, external *url.URL) error {
	cfg := d.cfg
	d.auth = web.Auth{ConfigFile: cfg.Web.ConfigFile, RolesFile: cfg.Web.RolesFile, InsecureNoAuth: cfg.Web.LinkOnly, External: external}
	if err := d.checkAccess(people); err != nil {
		return err
	}
	deps := web.Deps{Auth: d.auth, Ready: d.ready, Gatherer: d.gatherer(reg), Registerer: reg, Log: d.log,
		Runbooks: func() []*runbook.Runbook { return *d.served.Load() }}
	if err := d.openMetrics(deps); err != nil {
		return err
	}
	folder := audit.Folder{Dir: cfg.Evidence}
	deps.Engine, deps.Tokens, deps.Doctor = keeping{d.set, d.archive, d.holder, d.helper(), cfg.Images.Check}, d.Keys, d.doctor(reg, people)
	deps.Live, deps.Flags, deps.FollowUp = d.set.Live, d.exportFlags, d.set.FollowUp
	pages := func(render renderer) func(context.Context, record.Incident) ([]byte, error) {
		return d.page(folder, external.String(), render)
	}
	deps.Page, deps.Markdown, deps.Export = pages(report.HTML), pages(report.Markdown), pages(report.Export)
	deps.Reload = func(context.Context) error { return d.reload() }
	d.pages = web.Handler(deps)
	return nil
}

// checkAccess refuses files with mistakes, and says loudly what is open or closed to whom.
func (d *Daemon) checkAccess(people net.Addr) error {
	modes, err := d.auth.Check()
	switch {
	case err != nil:
		return fmt.Errorf("read who may do what: %w", err)
	case d.auth.InsecureNoAuth && d.auth.RolesFile != "":
		return OptionError{errors.New("--web.insecure-no-auth lets everybody do everything, and --web.roles.file says who may do what: give one of them")}
	case !modes.Any() && d.auth.InsecureNoAuth && !loopback(people):
		d.log.Warn("EVERYBODY WHO REACHES THIS ADDRESS MAY DO EVERYTHING: --web.insecure-no-auth at an address that others can reach",
			zap.String("web", people.String()), zap.String("instead", "--web.listen-address=127.0.0.1:9095, or --web.config.file and --web.roles.file"))
	case !modes.Any() && !d.auth.InsecureNoAuth:
		d.log.Warn("nobody can sign in: only /metrics, /-/healthy and /-/ready answer; nobody can look, answer a question or give an order",
			zap.String("instead", "--web.config.file with basic_auth_users or client certificates, and --web.roles.file"))
	case modes.Any() && d.auth.RolesFile == "":
		d.log.Warn("without --web.roles.file people who sign in may only look: nobody is admin, and only those operate or approve whom a runbook names in policy.operators and policy.approvers",
			zap.String("instead", "see docs/roles.md"))
	}
	return nil
}

// loopback reports whether only this machine reaches an address.
func loopback(at net.Addr) bool {
	tcp, ok := at.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// A metricsServer is the listener for Prometheus and for probes.
type metricsServer struct {
	listener net.Listener
	config   string // in exporter-toolkit's form
	handler  http.Handler
	dropped  prometheus.Counter
	log      *zap.Logger
}

// openMetrics opens the listener, if there is to be one.
func (d *Daemon) openMetrics(deps web.Deps) (err error) {
	cfg := d.cfg.Metrics
	if cfg.Listen == "" {
		return nil
	}
	deps.Auth = web.Auth{ConfigFile: cfg.ConfigFile, AnyHost: true}
	if _, err := deps.Auth.Check(); err != nil {
		return fmt.Errorf("read --metrics.config.file: %w", err)
	}
	s := &metricsServer{config: cfg.ConfigFile, handler: web.MetricsHandler(deps), dropped: d.dropped.WithLabelValues("metrics"), log: d.log}
	if s.listener, err = d.listen(cfg.Listen, "Prometheus"); err == nil {
		d.scrape = s
	}
	return err
}

// serve runs until ctx ends; without a listener it is over at once.
func (s *metricsServer) serve(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.log.Info("serving metrics", zap.String("metrics", s.listener.Addr().String()))
	return web.Serve(ctx, []net.Listener{s.listener}, s.config, s.handler, s.dropped, s.log)
}

// listen opens a listener that is closed with the daemon.
func (d *Daemon) listen(address, who string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", who, err)
	}
	d.onClose(func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return l, nil
}
