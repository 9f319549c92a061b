package gameday

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// A ReleaseAPI is the daemon's API, as far as a game needs it.
type ReleaseAPI interface {
	Start(ctx context.Context, file []byte) (record.Release, error)
	Incidents(ctx context.Context) ([]record.Incident, error)
	Release(ctx context.Context, service, region string) (record.Release, error)
}

// Staging is an environment outside: a daemon that runs, the store it writes to, and the
// Prometheus it asks. What breaks are calls that the scenario names. It writes nothing
// itself but the start of the release, through the daemon.
type Staging struct {
	Runbook    *runbook.Runbook
	Region     string
	API        ReleaseAPI
	Store      store.Store
	Watched    []string    // prefixes of the store in which nothing else may change
	Prometheus promapi.API // nil: the picture has no failed requests, and no pairs are counted
	Launch     []byte      // the release to start; nil: one must be open
	HTTP       *http.Client

	release      record.Release
	asked        time.Time
	sent, failed int64
	paired       pairCount
}

// Refuses says which part of a scenario cannot be played here; it is a
// [runbook.ErrRefused].
func (s *Staging) Refuses(scenario Scenario) error {
	for _, b := range scenario.Break {
		if b.Call == nil {
			return runbook.Refuse("%s is a fault of the embedded world; autorollback-lab gameday run plays it; in a staging environment a break is a call of your own (docs/gameday.md)", b.Fault)
		}
	}
	return nil
}

// Prepare starts the release, or finds it open, and waits until it is judged.
func (s *Staging) Prepare(ctx context.Context, share runbook.Weight) (record.Release, error) {
	var err error
	if s.Launch != nil {
		if s.release, err = s.API.Start(ctx, s.Launch); err != nil {
			return s.release, fmt.Errorf("start release: %w", err)
		}
	} else if s.release, err = s.API.Release(ctx, s.Runbook.Service, s.Region); err != nil {
		return s.release, fmt.Errorf("read release: %w", err)
	}
	switch {
	case s.release.Phase != record.Open:
		return s.release, runbook.Refuse("%s has no open release in %s: start one, or name its file with --release", s.Runbook.Service, s.Region)
	case s.release.Weight != share:
		return s.release, runbook.Refuse("the candidate has %v %% and the scenario wants %v %%", s.release.Weight, share)
	}
	judged := s.release.Began().Add(s.Runbook.Metrics.Warmup.Std() + 8*s.Runbook.Metrics.Step().Std())
	return s.release, Pause(ctx, time.Until(judged))
}

// Break makes the call.
func (s *Staging) Break(ctx context.Context, b Break) error {
	if err := s.Refuses(Scenario{Break: []Break{b}}); err != nil {
		return err
	}
	method := cmp.Or(b.Call.Method, http.MethodPost)
	req, err := http.NewRequestWithContext(ctx, method, b.Call.URL, strings.NewReader(b.Call.Body))
	if err != nil {
		return fmt.Errorf("call %s: %w", b.Call.URL, err)
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("call %s: %w", b.Call.URL, outbound.Cause(err))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // only the status counts
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("call %s: it answers %s", b.Call.URL, outbound.Status(resp.StatusCode))
	}
	return nil
}

// Look asks the daemon, the store and Prometheus.
func (s *Staging) Look(ctx context.Context) (View, error) {
	v := View{Notified: map[string]time.Time{}, Keys: map[string]string{}}
	all, err := s.API.Incidents(ctx)
	if err != nil {
		return v, fmt.Errorf("read incidents: %w", err)
	}
	for _, i := range all {
		if i.Service != s.Runbook.Service || i.Region != s.Region {
			continue
		}
		v.Incidents = append(v.Incidents, i)
		if !i.ToldAt.IsZero() {
			v.Notified[i.ID] = i.ToldAt
		}
	}
	s.count(ctx)
	v.Sent, v.Failed = s.sent, s.failed
	v.Mixed, v.Pairs = s.paired.say(s)
	return v, s.keys(ctx, &v)
}

// keys reads the router's split, and everything else that must stay as it is.
func (s *Staging) keys(ctx context.Context, v *View) error {
	router, err := actuators.For(s.Runbook.Routing.In(s.Region))
	if err != nil {
		return err
	}
	snap, err := s.Store.Read(ctx, router.Prefixes()...)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	if v.Split, err = router.Decode(snap); err != nil && !errors.Is(err, actuators.ErrNoSplit) {
		return fmt.Errorf("read split: %w", err)
	}
	if snap, err = s.Store.Read(ctx, s.Watched...); err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	for _, e := range snap.Entries {
		if !s.ours(router, e.Key) {
			v.Keys[e.Key] = string(e.Value)
		}
	}
	return nil
}

// ours reports whether a rollback of the service may write the key.
func (s *Staging) ours(router actuators.Router, key string) bool {
	flags, rel := s.Runbook.Routing.In(s.Region).Flags, s.release
	return router.OwnWeight(key) || strings.HasPrefix(key, store.Root) ||
		flags != "" && (key == flags+rel.Stable.Version || key == flags+rel.Candidate.Version)
}

// count asks Prometheus, once in a while, how many requests there were and failed, and
// which pairs are served.
func (s *Staging) count(ctx context.Context) {
	if s.Prometheus == nil || time.Since(s.asked) < time.Second {
		return
	}
	s.asked = time.Now()
	s.pairs(ctx)
	m := s.Runbook.Metrics
	for to, counters := range map[*int64][]runbook.Selection{&s.sent: m.Requests.All(), &s.failed: {m.Requests.Failed()}} {
		query := fmt.Sprintf("sum(%s)", m.Select(counters[0]))
		for _, more := range counters[1:] {
			query += fmt.Sprintf(" + (sum(%s) or vector(0))", m.Select(more))
		}
		if v, err := promapi.Vector(ctx, s.Prometheus, query, time.Now()); err == nil && len(v) == 1 {
			*to = int64(v[0].Value)
		}
	}
}
