package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/runbook"
)

// runbook is what stands above the tale's rollout.
func (t tale) runbook() []byte {
	text := string(gameday.DemoRunbook)
	if t.drill {
		text = string(gameday.DrillRunbook())
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
	return cmd.Flag("busy", "This machine has other things to do: recovery is proved by errors and conversions, hardly by how fast answers are, and what needs proof may take longer.")
}

// The sources of alerts that a story can do without.
const (
	webhookSource = "webhook"
	watcherSource = "watcher"
)

func withoutFlag(cmd *kingpin.CmdClause) *string {
	return cmd.Flag("without", "Leave out one of the two ways by which the daemon hears: webhook: Prometheus' alerts reach nobody; watcher: the daemon does not look by itself.").
		Enum(webhookSource, watcherSource)
}

// listen has the daemon's messages sent to somebody who hears them, for a drill.
func (d *demo) listen(cfg *config) error {
	if !d.tale.drill {
		return nil
	}
	var err error
	if d.ear, err = gameday.NewEar(); err != nil {
		return err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	cfg.Messages.Webhook = d.ear.URL()
	cfg.Messages.WebhookSecrets = filepath.Join(d.dir, "webhook.secret")
	text := "whsec_" + base64.StdEncoding.EncodeToString(secret)
	if err := os.WriteFile(cfg.Messages.WebhookSecrets, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write webhook secret: %w", err)
	}
	return nil
}

// stage is the demo world as a stage for scenarios.
func (d *demo) stage() *gameday.Embedded {
	return &gameday.Embedded{World: d.world, Desk: d.client, Store: d.daemon.store, Runbook: d.runbook, Hook: d.hook, Ear: d.ear,
		Evidence: d.daemon.cfg.Evidence,
		Release:  func(share int) ([]byte, error) { return launch(func(l *runbook.Launch) { l.Weight = share }) }}
}
