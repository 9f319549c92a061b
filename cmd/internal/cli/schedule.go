package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/runbook"
)

// A schedule plays games at the times of a calendar until it is stopped.
type schedule struct {
	cron, timezone, metrics, listen string

	play func(context.Context, gameday.Scenario) (gameday.Score, error)
	say  func(string, ...any)
}

// byName are calendars that go by a name.
var byName = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// run plays every scenario at each time. A game that is not passed, or that could not
// be played, is said and counted; it stops nothing.
func (s schedule) run(ctx context.Context, scenarios []gameday.Scenario) error {
	calendar, err := runbook.ParseCalendar(cmp.Or(byName[s.cron], s.cron), s.timezone)
	if err != nil {
		return Usage(fmt.Errorf("--schedule: %w; here e.g. --schedule='0 4 * * 1' --timezone=Europe/Berlin", err))
	}
	if s.metrics == "" && s.listen == "" {
		return Usage(errors.New("--schedule needs --metrics-file or --web.listen-address, so that somebody sees that it continues"))
	}
	record := gameday.NewRecord(scenarios, time.Now())
	if s.metrics != "" {
		if err := Join(MakeFolder(s.metrics), record.Resume(s.metrics), record.Write(s.metrics)); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	if s.listen != "" {
		if err := s.serve(ctx, g, record); err != nil {
			return err
		}
	}
	g.Go(func() error { return s.loop(ctx, calendar, scenarios, record) })
	return g.Wait()
}

func (s schedule) loop(ctx context.Context, calendar runbook.Calendar, scenarios []gameday.Scenario, record *gameday.Record) error {
	var next time.Time
	for {
		if now := time.Now(); now.After(next) { // a clock that was put back plays no start twice
			next = now
		}
		next = calendar.Next(next)
		if next.IsZero() {
			return Usage(fmt.Errorf("--schedule %q: there is no such day", s.cron))
		}
		s.say("next game day: %s", next.Format(time.RFC3339))
		if gameday.Pause(ctx, time.Until(next)) != nil {
			return nil // stopped
		}
		for _, scenario := range scenarios {
			score, err := s.play(ctx, scenario)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				s.say("%s could not be played: %v", scenario.Name, err)
				score = gameday.Score{Game: gameday.Game{Scenario: scenario}}
			}
			record.Take(score, time.Now())
			if s.metrics == "" {
				continue
			}
			if err := record.Write(s.metrics); err != nil {
				s.say("%v", err)
			}
		}
	}
}

// serve answers /metrics.
func (s schedule) serve(ctx context.Context, g *errgroup.Group, record *gameday.Record) error {
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listen for Prometheus: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(record.Registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	g.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve metrics: %w", err)
		}
		return nil
	})
	g.Go(func() error { <-ctx.Done(); return server.Close() })
	return nil
}
