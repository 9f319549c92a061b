package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/fixture"
)

// What the candidate did is estimated once it was drained, where it is known when harm began; an
// estimate that cannot be made says why, and keeps nothing from being closed.
func TestImpactIsEstimatedOnceDrained(t *testing.T) {
	for _, c := range []struct {
		name  string
		onset bool
		lost  error
	}{
		{"known", true, nil}, {"no onset", false, nil}, {"history is gone", true, errors.New("history is gone")},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &proofs{lost: c.lost, says: map[string]record.Significance{}}
				e, st, f := solo(t, func(p *Parts) {
					p.Archive, p.Monitor = &folder{stages: map[string]map[string][]byte{}}, m
				})
				began := time.Now().UTC().Add(-time.Minute)
				says := record.Significance{At: time.Now().UTC(), Value: 3, LogE: 20}
				if c.onset {
					says.Onset = record.Onset{From: began, To: began.Add(time.Second), At: began}
				}
				m.says["errors"] = says
				f.breaking["errors"] = true
				must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
				f.set(func(f *facts) { f.traffic = 0 })
				ctx, stop := context.WithCancel(t.Context())
				over := make(chan error)
				go func() { over <- e.Run(ctx) }()
				time.Sleep(5 * time.Minute)
				stop()
				must(t, <-over)
				i := incidentOf(t, st)
				checkImpact(t, i, c.onset, c.lost)
				if i.EvidenceAt.IsZero() {
					t.Error("the evidence is not sealed")
				}
				for _, until := range m.asked {
					if until.Before(i.DrainedAt) || until.After(i.EvidenceAt) {
						t.Errorf("asked until %s; drained %s, sealed %s", until, i.DrainedAt, i.EvidenceAt)
					}
				}
			})
		})
	}
}

func checkImpact(t *testing.T, i record.Incident, onset bool, lost error) {
	t.Helper()
	switch x := i.Impact; {
	case !onset && x != nil:
		t.Errorf("nobody knows when harm began, and the impact is %+v", x)
	case !onset:
	case x == nil:
		t.Error("there is no impact")
	case lost != nil && !strings.Contains(x.Problem, lost.Error()):
		t.Errorf("the problem is %q", x.Problem)
	case lost == nil && (x.Problem != "" || len(x.Losses) != 1 || !x.From.Equal(i.Harm().At)):
		t.Errorf("the impact is %+v", x)
	}
}
