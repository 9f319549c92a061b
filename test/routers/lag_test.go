package routers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
	"github.com/autorollback/autorollback/test/users"
)

// pace is from one request to the next: 800 a second.
const pace = 1250 * time.Microsecond

// Users are served 95/5 and the candidate is rolled back, again and again. Once a router
// says that it serves 100/0, no request that is sent then reaches the candidate, and no
// request fails at any time, but for a POST that meets the end of an idle connection at a
// router that reloads.
func TestNoRequestAfterApplied(t *testing.T) {
	servers.NotShort(t)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			p := k.open(newWorld(t))
			p.serves(rolledBack)
			l := users.Start(p, p.url, pace)
			var lags []time.Duration
			for range sim.Size(20, 3, 2) {
				lags = append(lags, p.rollback(l))
			}
			l.Stop()
			cut := 0
			for _, a := range l.After(time.Time{}) {
				switch {
				case a.Failed == nil:
				case k.reloads && a.Cut():
					cut++
				default:
					t.Errorf("a request failed: %v", a.Failed)
				}
			}
			slices.Sort(lags)
			t.Logf("| %s | %d / %d / %d ms | %d of %d requests in %d rollbacks |", k.name, lags[0].Milliseconds(),
				lags[len(lags)/2].Milliseconds(), lags[len(lags)-1].Milliseconds(), cut, len(l.After(time.Time{})), len(lags))
		})
	}
}

// rollback takes the place to 95/5 and back, and returns how long after the write the last
// request was sent that the candidate answered.
func (p *place) rollback(l *users.Load) time.Duration {
	p.Helper()
	began := p.shift(canary)
	p.serves(canary)
	l.Newcomers()
	p.await("the candidate to be served", func() error {
		if n := len(users.By(candidate, l.After(began))); n < 20 {
			return fmt.Errorf("it answered %d requests", n)
		}
		return nil
	})
	wrote := p.shift(rolledBack)
	applied := p.serves(rolledBack)
	p.await("requests after the rollback", func() error {
		if n := len(l.After(applied)); n < 200 {
			return fmt.Errorf("%d were sent", n)
		}
		return nil
	})
	for _, a := range users.By(candidate, l.After(applied)) {
		p.Errorf("the candidate answered %s, sent %s after the router said that it serves none", a.User.ID, a.Sent.Sub(applied))
	}
	lag := time.Duration(0)
	for _, a := range users.By(candidate, l.After(wrote)) {
		lag = max(lag, a.Sent.Sub(wrote))
	}
	p.Logf("last request to the candidate %s after the write; the router said so after %s", lag, applied.Sub(wrote))
	return lag
}
