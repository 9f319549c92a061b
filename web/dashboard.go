package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
	"github.com/autorollback/autorollback/web/cards"
)

// boardFor is how long all readers look at the same board: what a look costs does not grow with them.
const boardFor = time.Second

// A boardCache keeps how everything stands for a moment.
type boardCache struct {
	mu     sync.Mutex
	at     time.Time
	board  view.Board
	sorted []*cards.Entry
}

// boardNow is how everything stands, a second old at most.
func (s *server) boardNow(ctx context.Context) (view.Board, []*cards.Entry, error) {
	c := &s.boards
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < boardFor {
		return c.board, c.sorted, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readWithin) // others wait for it
	defer cancel()
	b, err := s.Engine.Board(ctx)
	if err != nil {
		return b, nil, err
	}
	c.board, c.sorted, c.at = b, cards.Sorted(b.Standings), time.Now()
	return c.board, c.sorted, nil
}

// looked is what an address asks for.
func looked(r *http.Request) cards.Query {
	in := r.URL.Query()
	page, _ := strconv.Atoi(in.Get("page")) // nonsense is the first
	return cards.Query{Text: plain(in.Get("q")), Team: plain(in.Get("team")), Kind: cards.Kind(in.Get("state")), Page: page}
}

// A dashboard is one screen of cards, and what stands above them.
type dashboard struct {
	view.Board
	cards.Screen
	Query cards.Query
	Teams []string
	Cards []cardView

	Who record.Caller // without a name: nobody has signed in
	// Unguarded: everybody can do everything.
	Unguarded  bool
	MayControl bool
	Now        time.Time // zero: the reader's browser says how much time is left
}

// A cardView is a card for one reader.
type cardView struct {
	cards.Card
	Now    time.Time
	Orders []cards.Button // for who may give them
	Answer string         // path of the question's page, for who may answer it
	Sparks map[string]spark
}

// view is the screen that is asked for, as one reader sees it.
func (s *server) view(ctx context.Context, q cards.Query, who visitor, now time.Time) (dashboard, error) {
	b, sorted, err := s.boardNow(ctx)
	if err != nil {
		return dashboard{}, err
	}
	d := dashboard{Board: b, Screen: q.Look(sorted), Query: q, Who: who.person(), Unguarded: who.How == record.Unauthenticated,
		MayControl: s.allow(who, policy.Admin, "", false) == nil, Now: now}
	for _, e := range d.Entries {
		d.Cards = append(d.Cards, s.cardOf(e, who, now))
	}
	s.sparkle(ctx, d.Cards)
	return d, nil
}

func (s *server) cardOf(e *cards.Entry, who visitor, now time.Time) cardView {
	answers := s.allow(who, policy.Approve, e.Service, false) == nil
	v := cardView{Card: cards.Of(e.Standing, answers), Now: now}
	if s.allow(who, policy.Operate, e.Service, false) == nil {
		v.Orders = v.Buttons
	}
	if answers && e.Question != nil {
		v.Answer = "/approve/" + s.Tokens.Sign(*e.Question)
	}
	return v
}

func (s *server) showDashboard(w http.ResponseWriter, r *http.Request, who visitor) {
	d, err := s.view(r.Context(), looked(r), who, time.Now())
	if err != nil {
		s.explain(w, saying(s.problemOf(err)))
		return
	}
	_, sorted, _ := s.boardNow(r.Context()) // it was there just now
	d.Teams = cards.Teams(sorted)
	w.Header().Set("Content-Security-Policy", livePolicy())
	s.render(w, http.StatusOK, "dashboard.html", d)
}

// livePolicy lets a page run our own script, which listens to our own stream.
func livePolicy() string { return contentPolicy + "; script-src 'self'; connect-src 'self'" }

// address is that of a screen.
func address(q cards.Query) string {
	in := url.Values{}
	for name, value := range map[string]string{"q": q.Text, "team": q.Team, "state": string(q.Kind)} {
		if value != "" {
			in.Set(name, value)
		}
	}
	if q.Page > 1 {
		in.Set("page", strconv.Itoa(q.Page))
	}
	if len(in) == 0 {
		return "/"
	}
	return "/?" + in.Encode()
}

// A chip leads to the targets of one kind.
type chip struct {
	Kind  cards.Kind
	Count int
	Here  bool
	To    string
}

// Chips are the kinds that there are, in their order; the first is all.
func (d dashboard) Chips() []chip {
	q, all := d.Query, 0
	q.Page = 0
	var chips []chip
	for _, k := range cards.Kinds() {
		all += d.Counts[k]
		if q.Kind = k; d.Counts[k] > 0 || d.Query.Kind == k {
			chips = append(chips, chip{k, d.Counts[k], d.Query.Kind == k, address(q)})
		}
	}
	q.Kind = ""
	return append([]chip{{"all", all, d.Query.Kind == "", address(q)}}, chips...)
}

// Earlier and Later are the addresses of the pages beside this one; empty: there is none.
func (d dashboard) Earlier() string { return d.beside(-1) }

// Later see [dashboard.Earlier].
func (d dashboard) Later() string { return d.beside(1) }

func (d dashboard) beside(by int) string {
	q := d.Query
	if q.Page = d.Page + by; q.Page < 1 || q.Page > d.Pages {
		return ""
	}
	return address(q)
}

// Automation is the stop switch in a word. Where no store answers, nobody knows it.
func (d dashboard) Automation() string {
	if d.Control.Mode == "" && len(d.Lost) > 0 {
		return "not known"
	}
	return string(cmp.Or(d.Control.Mode, runbook.Active))
}

// Paused reports whether automation is paused.
func (d dashboard) Paused() bool { return d.Control.Mode != "" && d.Control.Mode != runbook.Active }

// Barred are the orders that would be refused now.
func (v cardView) Barred() []cards.Button {
	return slices.DeleteFunc(slices.Clone(v.Orders), func(b cards.Button) bool { return b.Refused == "" })
}

// An end is a moment, as a clock that runs down.
type end struct{ Until, Now time.Time }

// left is the time until then; empty where the reader's browser says it.
func left(until, now time.Time) string {
	if now.IsZero() {
		return ""
	}
	return cards.Left(until.Sub(now))
}

// thousands writes 12,345.
func thousands(n int) string { return runbook.Figure(float64(n)) }
