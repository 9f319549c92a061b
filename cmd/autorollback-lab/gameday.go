package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/daemon"
	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/runbook"
)

// runbook is what stands above the scenario's rollout.
func (t scenario) runbook() []byte {
	text := string(demo.Runbook)
	if t.drill {
		text = string(demo.DrillRunbook())
	}
	// A machine that has other things to do is slow now and then. The proof of recovery
	// waits for five good polls in a row, and here has the time to.
	text = strings.Replace(text, "within: 1m\n", "within: 3m\n", 1)
	if t.rollout != "" || t.busy {
		// Stories with a rollout are about errors and conversions. How fast this machine
		// is by itself must not spoil their endings.
		text = strings.Replace(text, "below: 200ms, tolerance: 30%", "below: 2s, tolerance: 500%", 1)
	}
	return []byte(text)
}

func busyFlag(cmd *kingpin.CmdClause) *kingpin.FlagClause {
	return cmd.Flag("busy", "For a busy machine: recovery is proved by errors and conversions, hardly by latency, and proofs may take longer.")
}

// The sources of alerts that a story can do without.
const (
	webhookSource = "webhook"
	watcherSource = "watcher"
)

func withoutFlag(cmd *kingpin.CmdClause) *string {
	return cmd.Flag("without", "Leave out one of the two sources of alerts. webhook: Prometheus' alerts reach nobody; watcher: the daemon does not ask on its own.").
		Enum(webhookSource, watcherSource)
}

// listen has the daemon's messages sent to somebody who hears them, for a drill.
func (d *show) listen(cfg *daemon.Config) error {
	if !d.scenario.drill {
		return nil
	}
	var err error
	if d.messages, err = demo.NewMessageSink(); err != nil {
		return err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	cfg.Messages.Webhook = d.messages.URL()
	cfg.Messages.WebhookSecrets = filepath.Join(d.dir, "webhook.secret")
	text := "whsec_" + base64.StdEncoding.EncodeToString(secret)
	if err := os.WriteFile(cfg.Messages.WebhookSecrets, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write webhook secret: %w", err)
	}
	return nil
}

// environment is the demo world as a place for scenarios.
func (s *show) environment() *demo.Environment {
	return &demo.Environment{World: s.world, API: s.client, Store: s.daemon.Store, Runbook: s.runbook, Hook: s.hook, Messages: s.messages,
		Evidence: filepath.Join(s.dir, "incidents"),
		Release: func(share runbook.Weight) ([]byte, error) {
			return launch(func(l *runbook.Launch) { l.Weight = share })
		}}
}

// embedded plays scenarios in worlds of this process, each in its own.
type embedded struct {
	dir           string
	verbose, busy bool
	without       *string
}

func gamedayCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	return cli.GamedayCommands(app, c, func(run *kingpin.CmdClause) cli.Player {
		var e embedded
		run.Flag("dir", "Folder for the world's data and evidence; default: a new temporary one, deleted if the scenario is passed.").StringVar(&e.dir)
		run.Flag("verbose", "Also show the daemon's log.").Short('v').BoolVar(&e.verbose)
		busyFlag(run).BoolVar(&e.busy)
		e.without = withoutFlag(run)
		return &e
	})
}

// Refuses implements [cli.Player].
func (*embedded) Refuses(s gameday.Scenario) error { return s.Embeddable() }

// Play implements [cli.Player].
func (e *embedded) Play(ctx context.Context, c cli.Console, s gameday.Scenario, say func(string, ...any)) (score gameday.Score, err error) {
	dir, temporary, err := e.folder(s)
	if err != nil {
		return score, err
	}
	say("%s: %s", s.Name, s.Says)
	drill := scenario{title: s.Says, drill: true, busy: e.busy, without: *e.without, tell: func(d *show, ctx context.Context) error {
		game, err := gameday.Play(ctx, s, d.environment(), say)
		score = gameday.ScoreOf(game)
		return err
	}}
	d, err := newShow(c, dir, drill, e.verbose)
	if err == nil {
		err = d.run(ctx)
	}
	if err == nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	switch {
	case err == nil && score.OK && temporary:
		err = os.RemoveAll(dir)
	case err == nil:
		say("data and evidence: %s", dir)
	}
	return score, err
}

func (e *embedded) folder(s gameday.Scenario) (dir string, temporary bool, err error) {
	if e.dir == "" {
		dir, err = os.MkdirTemp("", "autorollback-gameday-")
		return dir, true, err
	}
	dir = filepath.Join(e.dir, fmt.Sprintf("%s-%s", s.Name, time.Now().UTC().Format("20060102-150405")))
	return dir, false, os.MkdirAll(dir, 0o755)
}
