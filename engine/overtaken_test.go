package engine

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/view"
)

// A question that a rollback ended is not put to anybody who was not asked before; every other
// message is sent, and so is a question whose sending was tried, or that something else ended.
func TestAQuestionThatARollbackOvertookIsNotSent(t *testing.T) {
	severe := func(t *testing.T, e *Engine, f *facts) {
		f.breaking["errors"] = true
		must(t, hears(t, e, fixture.Alert("errors", record.Webhook)))
	}
	for _, c := range []struct {
		name      string
		meanwhile func(*testing.T, *Engine, *facts)
		tried     bool
		sent      bool
	}{
		{"a severe breach was faster", severe, false, false},
		{"a severe breach was faster than the second try", severe, true, true},
		{"nothing else happened", func(*testing.T, *Engine, *facts) {}, false, true},
		{"somebody else changed the split", func(t *testing.T, e *Engine, _ *facts) {
			must(t, put(e.store, routerKey, `{"weights":{"ranker-v1":60,"ranker-v2":40}}`))
			_, err := e.step(t.Context(), theTarget, lifecycle.Tick{})
			must(t, err)
		}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var kinds []string
				down := true
				e, st, f := solo(t, func(p *Parts) {
					p.Post = posts(func(m record.Message) (string, error) {
						if down && m.Kind == report.KindApproval { // those before it were taken: it is tried
							return "", errors.New("no such host")
						}
						kinds = append(kinds, m.Kind)
						return "#oncall", nil
					})
				})
				f.breaking["slowish"] = true
				must(t, hears(t, e, fixture.Alert("slowish", record.Webhook)))
				if c.tried {
					e.deliver(t.Context())
				}
				c.meanwhile(t, e, f)
				down = false
				for range 3 {
					time.Sleep(time.Minute)
					e.deliver(t.Context())
				}
				i := incidentOf(t, st)
				if sent := slices.Contains(kinds, report.KindApproval); sent != c.sent || fixture.Noted(&i, "not_sent") == c.sent {
					t.Errorf("sent %v, noted %t; want the question sent: %t", kinds, fixture.Noted(&i, "not_sent"), c.sent)
				}
				if acted := slices.Contains(kinds, report.KindActed); acted != !i.ActedAt.IsZero() || len(all[record.Message](t, st, store.OutboxKey(""))) != 0 {
					t.Errorf("sent %v; it acted: %t", kinds, !i.ActedAt.IsZero())
				}
			})
		})
	}
}

// However many look at a question at once, the store and Prometheus are asked once a second, and
// nothing is changed.
func TestLooksAtAQuestionShareOneAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st, f := solo(t, nil)
		f.breaking["slowish"] = true
		must(t, hears(t, e, fixture.Alert("slowish", record.Webhook)))
		i := incidentOf(t, st)
		a, err := e.Approval(t.Context(), i.Approval)
		must(t, err)
		before, index := f.asked["breach slowish"], st.index
		look := func() view.Live {
			now, err := e.Live(t.Context(), a)
			must(t, err)
			return now
		}
		for range 1000 {
			if now := look(); now.Breach.State != record.Breaching || now.Plan.Digest != a.Change || now.Release.ID != a.Release {
				t.Fatalf("the page would show %+v", now)
			}
		}
		if n := f.asked["breach slowish"] - before; n != 1 {
			t.Errorf("Prometheus was asked %d times", n)
		}
		f.breaking["slowish"] = false
		time.Sleep(sharedFor + 1)
		if now := look(); now.Breach.State != record.NotBreaching {
			t.Errorf("a second later it is still %s", now.Breach.State)
		}
		if st.index != index {
			t.Error("looking wrote something")
		}
	})
}
