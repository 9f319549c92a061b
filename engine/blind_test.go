package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// pagesOf are the messages of a kind that wait in the outbox.
func pagesOf(tb testing.TB, st store.Store, kind string) []record.Message {
	tb.Helper()
	var pages []record.Message
	for _, m := range all[record.Message](tb, st, store.OutboxKey("")) {
		if m.Kind == kind && m.Page {
			pages = append(pages, m)
		}
	}
	return pages
}

// A Prometheus that is silent for a moment is nobody's business; one that is silent
// for half a minute while a release is open is paged about once.
func TestSilentPrometheusPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st, f := solo(t, nil)
		f.set(func(f *facts) { f.down = true })
		e.watch(t.Context())
		time.Sleep(blindAfter - time.Second)
		e.watch(t.Context())
		if n := len(pagesOf(t, st, "blind")); n != 0 {
			t.Errorf("%d pages before half a minute", n)
		}
		for range 10 {
			time.Sleep(2 * time.Second)
			e.watch(t.Context())
		}
		pages := pagesOf(t, st, "blind")
		if len(pages) != 1 || !strings.Contains(pages[0].Text, "autorollback rollback ranker") {
			t.Errorf("pages %+v, want one that says what to do", pages)
		}
		f.set(func(f *facts) { f.down = false })
		e.watch(t.Context())
		if !e.blindSince.IsZero() {
			t.Error("an answer does not end the silence")
		}
	})
}

// Two replicas that see nothing page once between them, though the page is sent at once and leaves
// the outbox; after ten minutes once more.
func TestSentPagesAreNotPagedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Now().Truncate(10 * time.Minute).Add(10*time.Minute + time.Second)))
		one, st, f := solo(t, nil)
		f.set(func(f *facts) { f.down = true })
		sent := 0
		one.post = posts(func(m record.Message) (string, error) {
			if m.Kind == "blind" {
				sent++
			}
			return "#ranking-oncall", nil
		})
		parts := partsOf(st, f)
		parts.Post = one.post
		other := engineOf(t, parts, fixture.Runbook(t, "page"), Options{Replica: "other"})
		look := func(times int) {
			for range times {
				for _, e := range []*Engine{one, other} {
					e.watch(t.Context())
					e.deliver(t.Context())
				}
				time.Sleep(5 * time.Second)
			}
		}
		if look(100); sent != 1 {
			t.Errorf("paged %d times in ten minutes, want 1", sent)
		}
		if look(60); sent != 2 {
			t.Errorf("paged %d times in thirteen minutes, want 2", sent)
		}
	})
}

// contested is a store in which somebody is always faster at the router's key.
type contested struct{ store.Store }

func (c contested) Commit(ctx context.Context, tx store.Tx) error {
	for _, op := range tx.Ops {
		if op.Key == routerKey {
			return store.ErrConflict
		}
	}
	return c.Store.Commit(ctx, tx)
}

// A decision that is overtaken again and again is given back, and a human is told.
func TestLostRacesPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st, f := solo(t, nil)
		e.store = contested{st}
		f.set(func(f *facts) { f.breaking["errors"] = true })
		err := hears(t, e, record.Alert{Service: "ranker", Trigger: "errors", Firing: true, Source: record.Webhook, StartsAt: time.Now()})
		if !errors.Is(err, runbook.ErrLater) {
			t.Errorf("heard: %v, want to be asked again", err)
		}
		if n := len(pagesOf(t, st, "lost_races")); n != 1 {
			t.Errorf("%d pages about lost races, want 1", n)
		}
	})
}
