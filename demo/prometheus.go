package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
	"golang.org/x/sync/errgroup"
)

// Prometheus is Prometheus' own engine in this process: TSDB, scraping, rules, and
// the three API calls that the daemon uses.
type Prometheus struct {
	listener net.Listener
	interval time.Duration
	db       *tsdb.DB
	engine   *promql.Engine
	parser   parser.Parser
	rules    *rules.Manager
	ruleFile string
	jobs     map[string][]string
	notify   rules.NotifyFunc
	log      *slog.Logger
}

// Settings of an embedded Prometheus.
type Settings struct {
	Dir      string              // for the TSDB and the rule file; must exist
	Interval time.Duration       // scrape and evaluation
	Rules    []byte              // a rule file's text
	Jobs     map[string][]string // job → host:port of its targets
	Notify   rules.NotifyFunc    // takes the alerts, as Alertmanager would
}

// NewPrometheus opens the TSDB and listens.
func NewPrometheus(l net.Listener, s Settings) (*Prometheus, error) {
	p := &Prometheus{listener: l, interval: s.Interval, jobs: s.Jobs, notify: s.Notify,
		parser: parser.NewParser(parser.Options{}), log: slog.New(slog.DiscardHandler)}
	p.ruleFile = filepath.Join(s.Dir, "autorollback.rules.yml")
	if err := os.WriteFile(p.ruleFile, s.Rules, 0o644); err != nil {
		return nil, fmt.Errorf("write rules: %w", err)
	}
	var err error
	if p.db, err = tsdb.Open(filepath.Join(s.Dir, "tsdb"), p.log, nil, tsdb.DefaultOptions(), nil); err != nil {
		return nil, fmt.Errorf("open TSDB: %w", err)
	}
	p.engine = promql.NewEngine(promql.EngineOpts{Logger: p.log, MaxSamples: 50_000_000, Timeout: 10 * time.Second,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: p.parser})
	return p, nil
}

// URL is where the API is served.
func (p *Prometheus) URL() string { return "http://" + p.listener.Addr().String() }

// Run scrapes, evaluates and serves until ctx ends.
func (p *Prometheus) Run(ctx context.Context) error {
	defer p.db.Close()
	scraper, err := p.scraper()
	if err != nil {
		return err
	}
	p.rules = rules.NewManager(&rules.ManagerOptions{
		NameValidationScheme: model.UTF8Validation, ExternalURL: &url.URL{Scheme: "http", Host: p.listener.Addr().String()}, Context: ctx, Logger: p.log,
		Registerer: prometheus.NewRegistry(), AppendableV2: p.db, Queryable: p.db, QueryFunc: rules.EngineQueryFunc(p.engine, p.db),
		NotifyFunc: p.notify, ResendDelay: time.Second, Parser: p.parser,
	})
	if err := p.rules.Update(p.interval, []string{p.ruleFile}, labels.EmptyLabels(), "", rules.DefaultEvalIterationFunc); err != nil {
		return fmt.Errorf("load rules: %w", err)
	}
	targets := make(chan map[string][]*targetgroup.Group, 1)
	targets <- p.targets()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return scraper.Run(targets) })
	g.Go(func() error { p.rules.Run(); return nil })
	g.Go(func() error { return serve(ctx, p.listener, p.api()) })
	g.Go(func() error { <-ctx.Done(); scraper.Stop(); p.rules.Stop(); return nil })
	return g.Wait()
}

func (p *Prometheus) scraper() (*scrape.Manager, error) {
	m, err := scrape.NewManager(&scrape.Options{DiscoveryReloadInterval: model.Duration(100 * time.Millisecond)}, p.log, nil, p.db, nil, prometheus.NewRegistry())
	if err != nil {
		return nil, fmt.Errorf("start scraping: %w", err)
	}
	text := fmt.Sprintf("global:\n  scrape_interval: %s\n  scrape_timeout: %[1]s\nscrape_configs:\n", model.Duration(p.interval))
	for job := range p.jobs {
		text += fmt.Sprintf("- job_name: %s\n", job)
	}
	cfg, err := config.Load(text, p.log)
	if err != nil {
		return nil, fmt.Errorf("configure scraping: %w", err)
	}
	if err := m.ApplyConfig(cfg); err != nil {
		return nil, fmt.Errorf("configure scraping: %w", err)
	}
	return m, nil
}

func (p *Prometheus) targets() map[string][]*targetgroup.Group {
	all := map[string][]*targetgroup.Group{}
	for job, addresses := range p.jobs {
		group := &targetgroup.Group{Source: job}
		for _, a := range addresses {
			group.Targets = append(group.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(a)})
		}
		all[job] = []*targetgroup.Group{group}
	}
	return all
}
