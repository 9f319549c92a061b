package engine

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/diff"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/verify"
)

// health asks everything that must be proved after traffic was moved: levels that users
// get, over all versions, and at the same time the checks of whoever serves. wellAt is
// the last moment at which all was well.
func (e *Engine) health(ctx context.Context, s service, rel record.Release, wellAt time.Time) []record.Answer {
	var levels, checks []record.Answer
	var both errgroup.Group
	both.Go(func() error { levels = e.prom.Recovery(ctx, s.ask, rel, wellAt); return nil })
	both.Go(func() error { checks = e.askSides(ctx, s, rel, serving(rel)); return nil })
	_ = both.Wait() // what went wrong says so in its answer
	return append(levels, checks...)
}

// serving are the sides that get traffic, as the release wants it.
func serving(rel record.Release) []runbook.Role {
	switch rel.Weight {
	case 0:
		return []runbook.Role{runbook.Stable}
	case 100:
		return []runbook.Role{runbook.Candidate}
	}
	return []runbook.Role{runbook.Stable, runbook.Candidate}
}

// askSides asks whether the sides serve their own pair of model and features, answer
// their stored predictions, and have the flags that their bundles demand. What the
// runbook does not name is not asked.
func (e *Engine) askSides(ctx context.Context, s service, rel record.Release, sides []runbook.Role) []record.Answer {
	var all []record.Answer
	for _, side := range sides {
		all = append(all, e.checkSide(ctx, s, rel, side, len(sides) == 1 && (rel.Weight == 0 || rel.Weight == runbook.All))...)
	}
	if s.rb.Routing.Flags != "" {
		all = append(all, e.checkFlags(ctx, s, rel))
	}
	return all
}

// checkSide asks of one side; alone: it gets all traffic, so that the route leads to it.
func (e *Engine) checkSide(ctx context.Context, s service, rel record.Release, side runbook.Role, alone bool) []record.Answer {
	v, which := s.rb.Verification, sideOf(rel, side)
	var all []record.Answer
	if v.Pairing != nil {
		bundle, err := e.Bundle(ctx, which.Bundle)
		if err != nil {
			all = append(all, record.Answer{Question: verify.PairQuestion + " " + which.Version, Health: record.Unknown, Text: err.Error(), At: time.Now().UTC()})
		} else if a, ok := e.prom.Pairing(ctx, s.ask, v.Pairing, rel, side, bundle); ok {
			all = append(all, a)
		}
	}
	if g := v.Golden; g != nil && (g.Reaches() || alone && servesAll(rel, side)) {
		all = append(all, e.predictor.Ask(ctx, g, which))
	}
	return all
}

func servesAll(rel record.Release, side runbook.Role) bool {
	return rel.Weight == 0 && side == runbook.Stable || rel.Weight == 100 && side == runbook.Candidate
}

func sideOf(rel record.Release, side runbook.Role) record.Side {
	if side == runbook.Candidate {
		return rel.Candidate
	}
	return rel.Stable
}

// checkFlags reads the store again: the keys of both versions must say what their bundles
// demand, and after a rollback that the candidate's is off.
func (e *Engine) checkFlags(ctx context.Context, s service, rel record.Release) record.Answer {
	a := record.Answer{Question: verify.FlagQuestion, Health: record.Unknown, At: time.Now().UTC()}
	a.Query = record.Query{Name: a.Question, Kind: record.AskedKV, Expr: s.rb.Routing.Flags, At: a.At}
	var keys []record.KeyChange
	docs, err := e.flags(ctx, rel)
	if err == nil {
		keys, err = e.wrongFlags(ctx, s, rel, docs)
	}
	if err != nil {
		a.Text = "cannot tell: " + err.Error()
		return a
	}
	a.Samples = float64(len(docs.serving()))
	a.Health, a.Text = judgeFlags(keys, docs)
	return a
}

// wrongFlags are the documents that would have to be written again. One of a rollback by a
// program that knew no flags that are off is as that program left it.
func (e *Engine) wrongFlags(ctx context.Context, s service, rel record.Release, docs flagDocs) ([]record.KeyChange, error) {
	barred := store.QuarantineKey(rel.Candidate.Bundle)
	snap, err := e.store.Read(ctx, append(s.router.Keys(), barred)...)
	if err != nil {
		return nil, err
	}
	var q record.Quarantine
	if err := decode(snap, barred, &q); err != nil {
		return nil, err
	}
	want := docs.serving()
	if rel.Phase == record.RolledBack && q.Version == rel.Candidate.Version && rel.FlagsPending() == nil {
		want = docs.rolledBack()
	}
	want[1].Serving = rel.Phase == record.Open && rel.Weight > 0 || rel.FlagsPending() != nil
	keys, _, err := s.router.PlanFlags(snap, want)
	return keys, err
}

// judgeFlags says whether the flags' keys would have to be written again.
func judgeFlags(wrong []record.KeyChange, docs flagDocs) (record.Health, string) {
	var said []string
	for _, k := range wrong {
		said = append(said, fmt.Sprintf("%s is %s and should be %s", k.Key, record.Truncate(k.From, 120), record.Truncate(k.To, 120)))
	}
	if len(said) > 0 {
		return record.Bad, strings.Join(said, "; ")
	}
	names := []string{docs.stable.Version, docs.candidate.Version}
	slices.Sort(names)
	return record.Good, "the flags of " + strings.Join(names, " and ") + " match their bundles"
}

// predictorOf asks stored predictions, and compares the answers as a shadow run does.
func predictorOf(client *http.Client) verify.Predictor {
	return verify.Predictor{Client: client, Differs: func(g *runbook.Golden, stored, got []byte) ([]string, error) {
		plan := shadow.DefaultPlan()
		plan.Default.Relative = float64(g.Tolerance)
		for _, path := range g.Ignore {
			plan.Fields = append(plan.Fields, shadow.FieldRule{Path: path, Compare: "ignore"})
		}
		return diff.Differences(plan, stored, got)
	}}
}
