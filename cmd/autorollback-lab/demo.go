package main

import (
	"bytes"
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

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/daemon"
	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

const (
	demoToken = "demo-token-that-is-at-least-32-bytes-long"
	demoRate  = 200 // requests per second
)

func demoCommand(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("demo", "A bad release from start to finish in this one process, with nothing to install. Example: autorollback-lab demo --breach=mild")
	breach := cmd.Flag("breach", "severe: v2 turns slow and then fails; mild: v2 is half again as slow, a human is asked; none: v2 is good; both: v1 and v2 fail together.").
		Default("severe").Enum("severe", "mild", "none", "both")
	told := cmd.Flag("story", "Instead: a whole story, two minutes at most; "+titles()+".").Enum(slices.Sorted(maps.Keys(scenarios()))...)
	dir := cmd.Flag("dir", "Folder for the demo's data and the incident page; default: a new temporary one.").String()
	verbose := cmd.Flag("verbose", "Also show the daemon's log.").Short('v').Bool()
	exit := cmd.Flag("exit", "End with the story, for scripts; otherwise the world and its pages stay until Ctrl-C.").Bool()
	busy, without := busyFlag(cmd).Bool(), withoutFlag(cmd)
	return map[string]cli.Action{cmd.FullCommand(): func(ctx context.Context) error {
		t, ok := scenarios()[*told]
		if !ok {
			s := demo.Breaches()[*breach]
			if calm, there := demo.Breaches()[*breach+", busy"]; *busy && there {
				s = calm
			}
			t = breachScenario(s)
		}
		t.busy, t.without = *busy, *without
		d, err := newShow(c, *dir, t, *verbose)
		if err != nil {
			return err
		}
		d.stays = !*exit
		return d.run(ctx)
	}}
}

// A show is the daemon and the demo world side by side. The daemon is wired by the same
// code as `serve`.
type show struct {
	console       cli.Console
	scenario      scenario
	next          *demo.Version
	hook          *demo.Hook
	messages      *demo.MessageSink // nil: the log is enough
	dir           string
	daemon        *daemon.Daemon
	world         *demo.World
	runbook       *runbook.Runbook
	client        api.Client
	hooks, people net.Listener
	view          net.Listener // of the router
	stays         bool         // after the story, until somebody stops it
}

func newShow(c cli.Console, dir string, t scenario, verbose bool) (*show, error) {
	d := &show{console: c, scenario: t, dir: dir}
	var err error
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "autorollback-demo-"); err != nil {
			return nil, fmt.Errorf("make demo folder: %w", err)
		}
	}
	if d.dir, err = filepath.Abs(d.dir); err != nil { // the runbook names folders in it
		return nil, fmt.Errorf("make demo folder: %w", err)
	}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make demo folder: %w", err)
	}
	for _, l := range []*net.Listener{&d.hooks, &d.people, &d.view} {
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
		if log, err = daemon.NewLog(cfg, c.Err); err != nil {
			return nil, err
		}
	}
	if d.daemon, err = daemon.New(cfg, d.people.Addr(), log); err != nil {
		return nil, err
	}
	d.client = api.Client{URL: "http://" + d.people.Addr().String()}
	return d, d.build(prom)
}

// write lays out the demo's files and the daemon's configuration.
func (d *show) write(prom string) (daemon.Config, error) {
	cfg := daemon.Config{Version: version}
	shows := fmt.Sprintf("\nrouting:\n  instances: [\"http://%s/autorollback/split\"]\n", d.view.Addr())
	text := bytes.Replace(d.scenario.runbook(), []byte("\nrouting:\n"), []byte(shows), 1)
	text = bytes.Replace(text, []byte("\nevidence:\n"), []byte("\nevidence:\n"+d.gathers()), 1)
	files := map[string][]byte{"ranker.yaml": append(text, d.scenario.ramp()...), "release.yaml": demo.Release, "receiver.token": []byte(demoToken)}
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
	cfg.WatchEvery, cfg.ReconcileEvery = time.Second, time.Second
	if d.scenario.without == watcherSource {
		cfg.WatchEvery = -1
	}
	return cfg, d.listen(&cfg)
}

// gathers is what the runbook says of the service's recordings and logs.
func (d *show) gathers() string {
	if d.scenario.drill {
		return "" // nobody records there
	}
	return fmt.Sprintf("  samples: {sources: [{dir: %q}]}\n  logs: {sources: [{dir: %q}]}\n",
		filepath.Join(d.dir, demo.RecordingsDir), filepath.Join(d.dir, demo.LogsDir))
}

func (d *show) build(prom net.Listener) error {
	var err error
	if d.runbook, err = runbook.Load(filepath.Join(d.dir, "ranker.yaml")); err != nil {
		return err
	}
	group, err := rules.Compile(d.runbook)
	if err != nil {
		return err
	}
	text, err := rules.Marshal([]rules.Group{group})
	if err != nil {
		return err
	}
	hook := &demo.Hook{URL: "http://" + d.hooks.Addr().String() + receiver.Path, Token: demoToken, Deaf: d.scenario.without == webhookSource}
	d.hook = hook
	d.world, err = demo.New(demo.Config{Dir: d.dir, Store: d.daemon.Store, Runbook: d.runbook, Rules: text, Prometheus: prom, View: d.view,
		Daemon: d.people.Addr().String(), Notify: hook.Notify, Rate: cmp.Or(d.scenario.rate, demoRate), More: d.more()})
	if err != nil || d.scenario.drill {
		return err
	}
	return d.world.Record(d.dir)
}

// run tells the story, then stops everything, or stays until ctx ends.
func (d *show) run(ctx context.Context) error {
	if err := demo.Route(ctx, d.daemon.Store, d.runbook.Routing.Key, "ranker-v1"); err != nil {
		return fmt.Errorf("route to v1: %w", err)
	}
	if err := demo.Encode(ctx, d.daemon.Store, d.runbook.Routing.Flags+"v1", "v4"); err != nil {
		return fmt.Errorf("set the flags of v1: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	world, stopWorld := context.WithCancel(ctx)
	g.Go(func() error { defer stopWorld(); return d.daemon.Run(ctx, d.hooks, d.people, nil) })
	g.Go(func() error { return d.world.Run(world) })
	if d.messages != nil {
		g.Go(func() error { return d.messages.Run(world) })
	}
	g.Go(func() error {
		defer stop()
		if err := d.scenario.tell(d, ctx); err != nil || !d.stays {
			return err
		}
		return d.stay(ctx)
	})
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
