package regions_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

var shownPlan = regexp.MustCompile(`name="plan" value="([^"]*)"`)

const orderPage = "/services/ranker/default/"

// form opens a page and returns its form, filled in, as a browser sends it.
func (d *desk) form(as, path, reason string) func() *httptest.ResponseRecorder {
	d.t.Helper()
	page := d.ask(as, http.MethodGet, path, "")
	if page.Code != http.StatusOK {
		d.t.Fatalf("%s answers %d: %s", path, page.Code, page.Body)
	}
	cookie, err := http.ParseSetCookie(page.Header().Get("Set-Cookie"))
	ok(d.t, err)
	in := url.Values{"nonce": {cookie.Value}, "reason": {reason}}
	if plan := shownPlan.FindStringSubmatch(page.Body.String()); plan != nil {
		in.Set("plan", plan[1])
	}
	return func() *httptest.ResponseRecorder {
		return d.ask(as, http.MethodPost, path, in.Encode(), func(r *http.Request) {
			r.AddCookie(cookie)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		})
	}
}

// To look at an order changes nothing; to give it does what the same order of the API does, and the log has
// it with name and reason.
func TestOrdersOnThePage(t *testing.T) {
	for order, holds := range map[record.OrderAction]func(record.Release) bool{
		record.OrderPromote:  func(r record.Release) bool { return r.Weight == 50 && r.Phase == record.Open },
		record.OrderHold:     func(r record.Release) bool { return r.Stopped != nil && r.Stopped.By == "bob" },
		record.OrderRollback: func(r record.Release) bool { return r.Weight == 0 && r.Phase == record.RolledBack },
	} {
		t.Run(string(order), func(t *testing.T) {
			atDesk(t, nil, func(d *desk) {
				d.start()
				d.stop()
				d.commits = nil
				give := d.form("bob", orderPage+string(order), "users <b>complain</b>")
				if len(d.commits) > 0 {
					t.Fatalf("looking committed %v", d.commits)
				}
				if w := give(); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "<b>") {
					t.Fatalf("answers %d: %s", w.Code, w.Body)
				}
				rel, err := d.set.Release(d.t.Context(), "ranker", "default")
				ok(t, err)
				if !holds(rel) {
					t.Errorf("the release is %+v", rel)
				}
				newest := d.orders()[0]
				if newest.Action != order || newest.Name != "bob" || newest.Reason != "users <b>complain</b>" || newest.How != record.BasicAuth {
					t.Errorf("the log has %+v", newest)
				}
			})
		})
	}
}

// What was shown and what would be done differ: nothing is done, and the page shows the new plan.
func TestAnOrderIsForWhatWasShown(t *testing.T) {
	changes := map[string]func(d *desk){
		"a step was taken": func(d *desk) {
			_, err := d.set.Promote(d.t.Context(), "ranker", "default", record.Caller{Name: "ann", How: record.BasicAuth})
			ok(d.t, err)
		},
		"the router's keys were written": func(d *desk) { // to the same split
			snap, err := d.file.Read(d.t.Context(), routerKey)
			ok(d.t, err)
			en, _ := snap.Get(routerKey)
			d.write(routerKey, " "+string(en.Value))
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			atDesk(t, nil, func(d *desk) {
				d.start()
				d.stop()
				give := d.form("bob", orderPage+"rollback", "users complain")
				change(d)
				d.commits = nil
				w := give()
				if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "The plan has changed") || len(d.commits) > 0 {
					t.Fatalf("answers %d and committed %v: %s", w.Code, d.commits, w.Body)
				}
				if w := d.form("bob", orderPage+"rollback", "users complain")(); w.Code != http.StatusOK {
					t.Errorf("what is shown anew answers %d: %s", w.Code, w.Body)
				}
			})
		})
	}
}

// The digest is checked in the transaction as well, and not by the page alone.
func TestTheDigestIsCheckedByTheStep(t *testing.T) {
	atDesk(t, nil, func(d *desk) {
		d.start()
		d.stop()
		ann := record.Caller{Name: "ann", How: record.BasicAuth}
		for _, order := range []record.OrderAction{record.OrderPromote, record.OrderHold, record.OrderResume, record.OrderRollback} {
			d.commits = nil
			_, err := d.set.Act(d.t.Context(), "ranker", "default", record.Intent{Action: order, Reason: "x", Plan: "sha256:other"}, ann)
			if !isConflict(err) || len(d.commits) > 0 {
				t.Errorf("%s ends with %v, and committed %v", order, err, d.commits)
			}
		}
	})
}

// A refused order says why, by the words of the order itself, and has no button.
func TestARefusedOrderSaysWhyOnItsPage(t *testing.T) {
	atDesk(t, nil, func(d *desk) {
		d.start()
		d.stop()
		_, err := d.set.Resume(d.t.Context(), "ranker", "default", record.Caller{Name: "ann"}, "why not")
		if err == nil {
			t.Fatal("resumed what was not stopped")
		}
		page := d.ask("bob", http.MethodGet, orderPage+"resume", "").Body.String()
		if !strings.Contains(page, err.Error()) || strings.Contains(page, "<form") {
			t.Errorf("the page does not say %q: %s", err, page)
		}
		board, err := d.set.Board(d.t.Context())
		ok(t, err)
		if why := board.Standings[0].Refused[record.OrderResume]; why == "" || !strings.Contains(page, why) {
			t.Errorf("the card says %q", why)
		}
		if why := board.Standings[0].Refused[record.OrderHold]; why != "" {
			t.Errorf("a hold is refused: %s", why)
		}
	})
}

func isConflict(err error) bool { return errors.Is(err, runbook.ErrConflict) }
