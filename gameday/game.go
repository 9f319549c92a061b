package gameday

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// An Environment is where a scenario is played: the embedded world, or a staging environment.
type Environment interface {
	// Prepare brings a release with that share of the traffic under observation.
	Prepare(ctx context.Context, share runbook.Weight) (record.Release, error)
	// Break breaks one thing.
	Break(ctx context.Context, b Break) error
	// Look says how things stand.
	Look(ctx context.Context) (View, error)
}

// A View is how things stand at one moment.
type View struct {
	Incidents    []record.Incident // newest first
	Split        record.Split      // what the router follows
	Keys         map[string]string // keys that belong to nobody in the game, and what only a rollback may change
	Notified     map[string]time.Time
	Evidence     []string // what is wrong with the sealed evidence of the newest incident
	Mixed        int64    // answers of mixed pairs so far, or pods that tell of one; [Uncounted] where nobody counts
	Pairs        string   // what Mixed rests on, or why nobody counts; empty: the model servers counted
	Sent, Failed int64    // requests so far; 0 where nobody counts
}

// Uncounted is [View.Mixed] where nobody counts the pairs that are served.
const Uncounted = -1

// A Tick is one moment of a game, for the picture.
type Tick struct {
	At           time.Duration  `json:"at"`    // since the break
	Share        runbook.Weight `json:"share"` // the candidate's, in percent
	Sent, Failed int64          `json:"-"`
}

// A Game is what happened.
type Game struct {
	Scenario Scenario         `json:"scenario"`
	Release  record.Release   `json:"-"`
	Broke    time.Time        `json:"broke"`
	Incident *record.Incident `json:"-"`
	Notified time.Time        `json:"told,omitzero"`
	Splits   []record.Split   `json:"splits"` // every one that was seen, the first as it was when it broke
	Touched  []string         `json:"touched"`
	More     int              `json:"more_incidents"`
	Evidence []string         `json:"evidence,omitempty"`
	Mixed    int64            `json:"mixed"`
	Pairs    string           `json:"pairs,omitempty"`
	Ticks    []Tick           `json:"ticks"`
}

const lookEvery = 200 * time.Millisecond

// Play plays a scenario: it prepares, breaks what the scenario names at its times, and
// watches until everything expected has come to its end, or the time is up.
func Play(ctx context.Context, s Scenario, env Environment, say func(string, ...any)) (g Game, err error) {
	g = Game{Scenario: s, Touched: []string{}}
	if g.Release, err = env.Prepare(ctx, s.Share); err != nil {
		return g, fmt.Errorf("prepare %s: %w", s.Name, err)
	}
	before, err := env.Look(ctx)
	if err != nil {
		return g, fmt.Errorf("look at %s: %w", s.Name, err)
	}
	known := map[string]bool{}
	for _, i := range before.Incidents {
		known[i.ID] = true
	}
	breaks := slices.Clone(s.Break)
	slices.SortStableFunc(breaks, func(a, b Break) int { return int(a.After - b.After) })
	g.Splits = []record.Split{before.Split}
	defer func() { err = errors.Join(err, fix(ctx, s, env, say)) }()
	g.Broke = time.Now()
	trouble := "" // what is said once and not five times a second
	for time.Since(g.Broke) < s.Watch.Std() && !g.over() {
		for len(breaks) > 0 && time.Since(g.Broke) >= breaks[0].After.Std() {
			say("%6.1fs  %s", time.Since(g.Broke).Seconds(), breaks[0])
			if err := env.Break(ctx, breaks[0]); err != nil {
				return g, fmt.Errorf("break %s: %w", s.Name, err)
			}
			breaks = breaks[1:]
		}
		if err := Pause(ctx, lookEvery); err != nil {
			return g, err
		}
		view, err := env.Look(ctx)
		if err != nil { // a broken store is part of the game
			if text := err.Error(); text != trouble {
				say("%6.1fs  %s", time.Since(g.Broke).Seconds(), text)
				trouble = text
			}
			continue
		}
		trouble = ""
		g.see(view, known, say)
	}
	last, err := env.Look(ctx)
	if err != nil {
		return g, fmt.Errorf("look at %s: %w", s.Name, err)
	}
	g.Touched = changed(before.Keys, last.Keys)
	g.Evidence, g.Mixed, g.Pairs = last.Evidence, last.Mixed-max(before.Mixed, 0), last.Pairs
	if last.Mixed == Uncounted {
		g.Mixed = Uncounted
	}
	return g, nil
}

// fix puts everything right again, whatever happened and even if the game is stopped.
func fix(ctx context.Context, s Scenario, env Environment, say func(string, ...any)) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fixWithin)
	defer cancel()
	var errs []error
	for _, b := range s.Fix {
		say("        fix: %s", b.What())
		if err := env.Break(ctx, b); err != nil {
			errs = append(errs, fmt.Errorf("fix %s: %w", s.Name, err))
		}
	}
	return errors.Join(errs...)
}

const fixWithin = 30 * time.Second

func (g *Game) see(v View, known map[string]bool, say func(string, ...any)) {
	since := time.Since(g.Broke)
	seen := 0
	g.More = 0
	for n := range slices.Backward(v.Incidents) {
		i := v.Incidents[n]
		if known[i.ID] {
			continue
		}
		if g.Incident != nil && g.Incident.ID != i.ID {
			g.More++
			continue
		}
		if g.Incident != nil {
			seen = len(g.Incident.Timeline)
		}
		for ; seen < len(i.Timeline); seen++ {
			say("%6.1fs  %-10s %s", i.Timeline[seen].At.Sub(g.Broke).Seconds(), i.Timeline[seen].Kind, i.Timeline[seen].Text)
		}
		g.Incident = &i
		if at, ok := v.Notified[i.ID]; ok && g.Notified.IsZero() {
			g.Notified = at
		}
	}
	if !g.Splits[len(g.Splits)-1].Equal(v.Split) {
		g.Splits = append(g.Splits, v.Split)
	}
	g.Ticks = append(g.Ticks, Tick{since, v.Split[g.Release.Candidate.Backend], v.Sent, v.Failed})
}

// over reports whether nothing more is to come. What must not happen at all is
// watched to the end.
func (g *Game) over() bool {
	i := g.Incident
	if i == nil || g.Scenario.Expect.Action == None || time.Since(g.Broke) < g.Scenario.last()+time.Second {
		return false
	}
	told := !g.Notified.IsZero()
	if g.Scenario.Expect.Verdict != "" {
		return told && i.Verdict != nil && !i.EvidenceAt.IsZero()
	}
	return told && i.Decision.Action == g.Scenario.Expect.Action && time.Since(i.OpenedAt) > 5*time.Second
}

// last is when the last thing breaks.
func (s Scenario) last() time.Duration {
	last := time.Duration(0)
	for _, b := range s.Break {
		last = max(last, b.After.Std())
	}
	return last
}

func changed(before, after map[string]string) []string {
	names := map[string]bool{}
	for k, v := range before {
		if after[k] != v {
			names[k] = true
		}
	}
	for k := range after {
		if _, ok := before[k]; !ok {
			names[k] = true
		}
	}
	return append([]string{}, slices.Sorted(maps.Keys(names))...)
}

// Hits reports whether the break is about that side.
func (b Break) Hits(candidate bool) bool {
	switch b.Of {
	case "both":
		return true
	case "stable":
		return !candidate
	}
	return candidate
}

func (b Break) String() string { return "break: " + b.What() }

// What is what breaks.
func (b Break) What() string {
	if b.Call != nil {
		return "call " + b.Call.URL
	}
	words := []string{string(b.Fault)}
	if b.Of != "" {
		words = append(words, "of "+b.Of)
	}
	if b.To != "" {
		words = append(words, "to "+b.To)
	}
	return strings.Join(words, " ")
}

// Pause waits for span, or until ctx ends.
func Pause(ctx context.Context, span time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(span):
		return nil
	}
}
