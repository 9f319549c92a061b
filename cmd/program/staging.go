package program

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/daemon"
	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/runbook"
)

// staging is where a game is played outside of this process.
type staging struct {
	runbook, region, release, store string
	tokenFile, datacenter, caFile   string
	prometheus, httpConfig          string
	watch                           []string
	remote                          *cli.Remote
}

func gamedayCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	return cli.GamedayCommands(app, c, func(run *kingpin.CmdClause) cli.Player { return stagingFlags(run) })
}

func stagingFlags(cmd *kingpin.CmdClause) *staging {
	s := staging{remote: cli.RemoteFlags(cmd)}
	cmd.Flag("runbook", "The service's runbook in the staging environment.").StringVar(&s.runbook)
	cmd.Flag("store", "Staging: the store of its daemon, consul://HOST:PORT; it is only read.").StringVar(&s.store)
	cmd.Flag("store.consul-token-file", "Staging: file with a Consul ACL token that may read.").StringVar(&s.tokenFile)
	cmd.Flag("store.consul-datacenter", "Staging: Consul datacenter.").StringVar(&s.datacenter)
	cmd.Flag("store.consul-ca-file", "Staging: CA certificates for Consul.").StringVar(&s.caFile)
	cmd.Flag("prometheus.url", "Staging: its Prometheus, for the picture's failed requests.").StringVar(&s.prometheus)
	cmd.Flag("prometheus.http-config-file", "Staging: HTTP client configuration for it in Prometheus' form.").StringVar(&s.httpConfig)
	cmd.Flag("region", "Staging: the region.").Default(runbook.DefaultRegion).StringVar(&s.region)
	cmd.Flag("release", "Staging: start this release first; left out: one must be open with the scenario's share.").StringVar(&s.release)
	cmd.Flag("watch-prefix", "Staging: prefixes of the store in which nothing else may change.").Default("routes/", "features/", "traefik/").StringsVar(&s.watch)
	return &s
}

// Refuses implements [cli.Player].
func (s *staging) Refuses(scenario gameday.Scenario) error {
	return new(gameday.Staging).Refuses(scenario)
}

// Play implements [cli.Player].
func (s *staging) Play(ctx context.Context, _ cli.Console, scenario gameday.Scenario, say func(string, ...any)) (score gameday.Score, err error) {
	env, closing, err := s.open()
	if err != nil {
		return score, err
	}
	defer func() { err = cli.Join(err, closing()) }()
	say("%s: %s", scenario.Name, scenario.Says)
	game, err := gameday.Play(ctx, scenario, env, say)
	return gameday.ScoreOf(game), err
}

func (s *staging) open() (*gameday.Staging, func() error, error) {
	nothing := func() error { return nil }
	if s.runbook == "" || s.store == "" {
		return nil, nothing, cli.Usage(errors.New("a game in staging needs --runbook, --store and the daemon's --url; without a staging environment: autorollback-lab gameday run errors"))
	}
	env := &gameday.Staging{Region: s.region, Watched: s.watch, HTTP: outbound.New(outbound.Options{Within: 30 * time.Second})}
	var err error
	if env.Runbook, err = runbook.Load(s.runbook); err != nil {
		return nil, nothing, err
	}
	if env.API, err = s.remote.Client(); err != nil {
		return nil, nothing, err
	}
	if s.release != "" {
		if env.Launch, err = cli.ReadFile(nil, s.release); err != nil {
			return nil, nothing, fmt.Errorf("read release: %w", err)
		}
	}
	if s.prometheus != "" {
		if env.Prometheus, err = daemon.OpenPrometheus("--prometheus.url", s.prometheus, s.httpConfig); err != nil {
			return nil, nothing, err
		}
	}
	closing := nothing
	cfg := daemon.Config{Store: s.store, Replica: "gameday"}
	cfg.Consul.TokenFile, cfg.Consul.Datacenter, cfg.Consul.CAFile = s.tokenFile, s.datacenter, s.caFile
	env.Store, err = daemon.OpenStore(cfg, func(f func() error) { closing = f })
	return env, closing, err
}
