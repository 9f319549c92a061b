package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

const (
	incidentsPerPage = 50
	mostRows         = 100 // of one table of the page of records
)

// An incidentList is one page of the incidents that were looked for.
type incidentList struct {
	view.IncidentPage
	Text   string
	Newest string // address of the first page; empty: this is it
	Older  string // of the next one
}

func (s *server) showIncidents(w http.ResponseWriter, r *http.Request, _ visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	q := view.IncidentQuery{Text: plain(r.URL.Query().Get("q")), After: place(r.URL.Query().Get("after")), Limit: incidentsPerPage}
	page, err := s.Engine.Incidents(ctx, q)
	if err != nil {
		p := s.problemOf(err)
		s.explain(w, notice{code: p.code, Title: titleOf(p), Text: p.text})
		return
	}
	list := incidentList{IncidentPage: page, Text: q.Text}
	if q.After.ID != "" {
		list.Newest = listed(q.Text, nil)
	}
	if n := len(page.Incidents); page.More && n > 0 {
		list.Older = listed(q.Text, &page.Incidents[n-1])
	}
	s.render(w, http.StatusOK, "incidents.html", list)
}

// listed is the address of the list behind an incident; nil: from the newest on. It names what it
// follows, so that it shows the same whatever happens later.
func listed(text string, after *record.Incident) string {
	in := url.Values{}
	if text != "" {
		in.Set("q", text)
	}
	if after != nil {
		in.Set("after", fmt.Sprintf("%d.%s", after.OpenedAt.UnixNano(), after.ID))
	}
	return strings.TrimSuffix("/incidents?"+in.Encode(), "?")
}

// place is where in the list an address is; nonsense is its beginning.
func place(text string) record.Incident {
	at, id, _ := strings.Cut(text, ".")
	nano, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !forms["id"].MatchString(id) {
		return record.Incident{}
	}
	return record.Incident{ID: id, OpenedAt: time.Unix(0, nano)}
}

// records are the tables that are no target's.
type records struct {
	view.Status
	Lifts    []record.Quarantine // in force
	Mirrored []record.Mirror     // those that are on
	Rules    []record.RulesCheck // that are not one to one
	Hidden   string              // which rows are not shown
}

func (s *server) showRecords(w http.ResponseWriter, r *http.Request, _ visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	st, err := s.Engine.Status(ctx)
	if err != nil {
		p := s.problemOf(err)
		s.explain(w, notice{code: p.code, Title: titleOf(p), Text: p.text})
		return
	}
	v := records{Status: st}
	for _, q := range st.Quarantine {
		if q.Bars() {
			v.Lifts = append(v.Lifts, q)
		}
	}
	for _, m := range st.Mirrors {
		if m.On() {
			v.Mirrored = append(v.Mirrored, m)
		}
	}
	for _, c := range st.Rules {
		if c.State != record.RulesOneToOne || c.Problem != "" {
			v.Rules = append(v.Rules, c)
		}
	}
	var hidden []string
	v.Lifts = most("quarantined bundles", v.Lifts, &hidden)
	v.Mirrored = most("mirrors", v.Mirrored, &hidden)
	v.Shadow = most("shadow verdicts", v.Shadow, &hidden)
	v.Rules = most("services whose rules differ", v.Rules, &hidden)
	if len(hidden) > 0 {
		v.Hidden = "Not shown: " + strings.Join(hidden, ", ") + ". The API has all of them: /api/v1/status"
	}
	s.render(w, http.StatusOK, "records.html", v)
}

// most are as many rows as a table has at most; what is left out is named.
func most[T any](what string, rows []T, hidden *[]string) []T {
	if more := len(rows) - mostRows; more > 0 {
		*hidden = append(*hidden, fmt.Sprintf("%d %s", more, what))
		return rows[:mostRows]
	}
	return rows
}
