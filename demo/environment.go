package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"strconv"
	"time"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// An Environment is the embedded world as a place where scenarios are played.
type Environment struct {
	World    *World
	API      gameday.ReleaseAPI
	Store    store.Store
	Runbook  *runbook.Runbook
	Hook     *Hook
	Messages *MessageSink
	Evidence string // the daemon's evidence folder
	Release  func(share runbook.Weight) ([]byte, error)
}

// bystander is a service that no part of a game is about.
var bystander = map[string]string{
	"routes/bystander/weights": `{"schema":1,"weights":{"bystander-v1":95,"bystander-v2":5}}`,
	"features/bystander/v1":    `{"schema":1,"flags":{"encoder":"v1"},"serving":true}`,
}

// learn is how long Prometheus sees v1 alone before the release.
const learn = 8 * time.Second

// Refuses says which part of a scenario the embedded world cannot play honestly; nil if
// it can play all of it. It is a [runbook.ErrRefused].
func (e *Environment) Refuses(s gameday.Scenario) error { return s.Embeddable() }

// Prepare starts a release of v2 beside v1, and waits until the two are compared.
func (e *Environment) Prepare(ctx context.Context, share runbook.Weight) (record.Release, error) {
	var rel record.Release
	for key, value := range bystander {
		if err := e.Store.Commit(ctx, store.NewTx(store.Op{Verb: store.Set, Key: key, Value: []byte(value)})); err != nil {
			return rel, fmt.Errorf("set %s: %w", key, err)
		}
	}
	if err := gameday.Pause(ctx, learn); err != nil {
		return rel, err
	}
	file, err := e.Release(share)
	if err != nil {
		return rel, err
	}
	if rel, err = e.API.Start(ctx, file); err != nil {
		return rel, fmt.Errorf("start release: %w", err)
	}
	return rel, gameday.Pause(ctx, e.Runbook.Metrics.Warmup.Std()+7*time.Second)
}

// Look asks the daemon and looks at the world.
func (e *Environment) Look(ctx context.Context) (gameday.View, error) {
	v := gameday.View{Split: e.World.Router.Split(), Notified: e.Messages.Notified(), Mixed: e.World.Mixed(), Keys: map[string]string{}}
	v.Sent, v.Failed = e.World.Traffic.Counts()
	var err error
	if v.Incidents, err = e.API.Incidents(ctx); err != nil {
		return v, fmt.Errorf("read incidents: %w", err)
	}
	snap, err := e.Store.Read(ctx, "routes/", "features/")
	if err != nil {
		return v, fmt.Errorf("read keys: %w", err)
	}
	for _, entry := range snap.Entries {
		if _, ok := bystander[entry.Key]; ok || !e.ours(entry.Key) {
			v.Keys[entry.Key] = string(entry.Value)
		}
	}
	if len(v.Incidents) > 0 && !v.Incidents[0].EvidenceAt.IsZero() {
		for _, p := range audit.Check(filepath.Join(e.Evidence, v.Incidents[0].ID)).Problems {
			v.Evidence = append(v.Evidence, p.Error())
		}
	}
	return v, nil
}

// ours reports whether a rollback of the service may write the key.
func (e *Environment) ours(key string) bool {
	r := e.Runbook.Routing
	return key == r.Key || key == r.Flags+"v1" || key == r.Flags+"v2"
}

// Break breaks something in the world.
func (e *Environment) Break(ctx context.Context, b gameday.Break) error {
	if err := e.Refuses(gameday.Scenario{Break: []gameday.Break{b}}); err != nil {
		return err
	}
	switch b.Fault {
	case gameday.AlertStorm:
		n, err := strconv.Atoi(b.To)
		if err != nil {
			return fmt.Errorf("alert_storm: %w", err)
		}
		return e.flood(ctx, n)
	case gameday.EncoderMismatch:
		return e.encode(ctx, b)
	case gameday.PrometheusBlind:
		for _, p := range e.World.pods {
			p.blind.Store(b.Hits(p.version == e.World.Candidate))
		}
		return nil
	}
	for _, v := range []*Version{e.World.Stable, e.World.Candidate} {
		if !b.Hits(v == e.World.Candidate) {
			continue
		}
		now, err := changed(v.Behaviour(), b)
		if err != nil {
			return err
		}
		v.Behave(now)
	}
	return nil
}

// changed is how a version answers with the fault.
func changed(now Behaviour, b gameday.Break) (Behaviour, error) {
	if b.Fault == gameday.Latency {
		d, err := runbook.ParseDuration(b.To)
		now.Latency = d.Std()
		return now, err
	}
	r, err := runbook.ParseRatio(b.To)
	if err != nil {
		return now, fmt.Errorf("%s: %w", b.Fault, err)
	}
	switch share := float64(r); b.Fault {
	case gameday.Errors, gameday.Outage:
		now.Errors = share
	case gameday.KPIDrop:
		now.Conversion *= 1 - share
	case gameday.NullSpike:
		now.Nulls = share
	case gameday.SchemaBreak:
		now.Misfits = share
	case gameday.Drift:
		now.Shift = share
	default:
		return now, fmt.Errorf("%s: the embedded world cannot do that", b.Fault)
	}
	return now, nil
}

// encode is somebody writing another encoder into a version's flags, by hand.
func (e *Environment) encode(ctx context.Context, b gameday.Break) error {
	version := e.World.Stable
	if b.Hits(true) {
		version = e.World.Candidate
	}
	key := e.Runbook.Routing.Flags + version.Name
	snap, err := e.Store.Read(ctx, key)
	if err != nil {
		return fmt.Errorf("encoder_mismatch: %w", err)
	}
	entry, ok := snap.Get(key)
	if !ok {
		return fmt.Errorf("encoder_mismatch: %s is not there", key)
	}
	var doc map[string]any
	if err := json.Unmarshal(entry.Value, &doc); err != nil {
		return fmt.Errorf("encoder_mismatch: read %s: %w", key, err)
	}
	flags := map[string]any{}
	if had, ok := doc["flags"].(map[string]any); ok {
		maps.Copy(flags, had)
	}
	flags["encoder"], doc["flags"] = b.To, flags
	text, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encoder_mismatch: %w", err)
	}
	return e.Store.Commit(ctx, store.NewTx(store.Op{Verb: store.Set, Key: key, Value: text, Index: entry.Index}))
}
