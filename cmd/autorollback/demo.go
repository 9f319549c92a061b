package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/web"
)

const (
	demoToken = "demo-token-that-is-at-least-32-bytes-long"
	demoRate  = 200 // requests per second
)

func demoCommand(app *kingpin.Application, c console) map[string]action {
	cmd := app.Command("demo", "A bad release from start to finish in this one process, with nothing to install. Example: autorollback demo --breach=mild")
	breach := cmd.Flag("breach", "severe: v2 turns slow and then fails; mild: v2 is half again as slow, a human is asked; none: v2 is good; both: v1 and v2 fail together.").
		Default("severe").Enum("severe", "mild", "none", "both")
	told := cmd.Flag("story", "Instead: a whole story, two minutes at most; "+tellings()+".").Enum(slices.Sorted(maps.Keys(tales()))...)
	dir := cmd.Flag("dir", "Folder for the demo's data and the incident page; default: a new temporary one.").String()
	verbose := cmd.Flag("verbose", "Also show the daemon's log.").Short('v').Bool()
	busy, without := busyFlag(cmd).Bool(), withoutFlag(cmd)
	return map[string]action{cmd.FullCommand(): func(ctx context.Context) error {
		t, ok := tales()[*told]
		if !ok {
			t = breachTale(stories[*breach])
		}
		t.busy, t.without = *busy, *without
		d, err := newDemo(c, *dir, t, *verbose)
		if err != nil {
			return err
		}
		return d.run(ctx)
	}}
}

// demo is the daemon and the demo world side by side. The daemon is wired by the same
// code as `serve`.
type demo struct {
	console       console
	tale          tale
	story         story // of a breach
	next          *gameday.Version
	hook          *gameday.Hook
	ear           *gameday.Ear // nil: the log is enough
	dir           string
	daemon        *daemon
	world         *gameday.World
	runbook       *runbook.Runbook
	client        web.Client
	hooks, people net.Listener
}

func newDemo(c console, dir string, t tale, verbose bool) (*demo, error) {
	d := &demo{console: c, tale: t, dir: dir}
	var err error
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "autorollback-demo-"); err != nil {
			return nil, fmt.Errorf("make demo folder: %w", err)
		}
	}
	for _, l := range []*net.Listener{&d.hooks, &d.people} {
		if *l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("start demo: %w", err)
		}
	}
	prom, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start demo: %w", err)
	}
	cfg, err := d.write("http://" + prom.Addr().String())
	if err != nil {
		return nil, err
	}
	log := zap.NewNop()
	if verbose {
		cfg.LogLevel, cfg.LogFormat = "info", "console"
		if log, err = newLog(cfg, c); err != nil {
			return nil, err
		}
	}
	if d.daemon, err = newDaemon(cfg, d.people.Addr(), log); err != nil {
		return nil, err
	}
	d.client = web.Client{URL: "http://" + d.people.Addr().String()}
	return d, d.build(prom)
}

// write lays out the demo's files and the daemon's configuration.
func (d *demo) write(prom string) (config, error) {
	var cfg config
	files := map[string][]byte{"ranker.yaml": append(slices.Clone(d.tale.runbook()), d.tale.ramp()...), "release.yaml": gameday.DemoRelease, "receiver.token": []byte(demoToken)}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(d.dir, name), text, 0o600); err != nil {
			return cfg, fmt.Errorf("write demo files: %w", err)
		}
	}
	cfg.Runbooks = []string{filepath.Join(d.dir, "ranker.yaml")}
	cfg.Store = "file:" + filepath.Join(d.dir, "autorollback.db")
	cfg.Replica = "demo"
	cfg.Prometheus.URL = prom
	cfg.Receiver.TokenFile = filepath.Join(d.dir, "receiver.token")
	cfg.Web.LinkOnly = true
	cfg.Keys = filepath.Join(d.dir, "approval.keys")
	cfg.Evidence = filepath.Join(d.dir, "incidents")
	cfg.WatchEvery, cfg.TendEvery = time.Second, time.Second
	if d.tale.without == watcherSource {
		cfg.WatchEvery = -1
	}
	return cfg, d.listen(&cfg)
}

func (d *demo) build(prom net.Listener) error {
	var err error
	if d.runbook, err = runbook.Load(d.daemon.cfg.Runbooks[0]); err != nil {
		return err
	}
	group, err := compileOne(d.runbook)
	if err != nil {
		return err
	}
	text, err := rules.Marshal([]rules.Group{group})
	if err != nil {
		return err
	}
	hook := &gameday.Hook{URL: "http://" + d.hooks.Addr().String() + receiver.Path, Token: demoToken, Deaf: d.tale.without == webhookSource}
	d.hook = hook
	d.world, err = gameday.New(gameday.Config{Dir: d.dir, Store: d.daemon.store, Runbook: d.runbook, Rules: text, Prometheus: prom,
		Daemon: d.people.Addr().String(), Notify: hook.Notify, Rate: cmp.Or(d.tale.rate, demoRate), More: d.more()})
	return err
}

// run tells the story, then stops everything.
func (d *demo) run(ctx context.Context) error {
	if err := gameday.Route(ctx, d.daemon.store, d.runbook.Routing.Key, "ranker-v1"); err != nil {
		return fmt.Errorf("route to v1: %w", err)
	}
	if err := gameday.Encode(ctx, d.daemon.store, d.runbook.Routing.Flags+"v1", "v4"); err != nil {
		return fmt.Errorf("set the flags of v1: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	world, stopWorld := context.WithCancel(ctx)
	g.Go(func() error { defer stopWorld(); return d.daemon.run(ctx, d.hooks, d.people, nil) })
	g.Go(func() error { return d.world.Run(world) })
	if d.ear != nil {
		g.Go(func() error { return d.ear.Run(world) })
	}
	g.Go(func() error {
		defer stop()
		return d.tale.tell(d, ctx)
	})
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
