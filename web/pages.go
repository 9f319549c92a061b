package web

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/web/question"
)

//go:embed pages
var files embed.FS

// templates are parsed once, when the program starts; a mistake in one is a mistake
// in the program.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"clock": clock, "how": question.How, "countdown": script, "state": stateWord, "proved": provedWord, "join": strings.Join, "short": short, "newest": newest,
}).ParseFS(files, "pages/*.html"))

// page answers with a page, and refuses with one.
func (s *server) page(serve func(http.ResponseWriter, *http.Request, visitor)) endpoint {
	return endpoint{serve, func(w http.ResponseWriter, p problem) {
		p.headers(w)
		s.explain(w, notice{code: p.code, Title: titleOf(p), Text: p.text})
	}}
}

// static answers with a file of ours.
func static(name string) func(http.ResponseWriter, *http.Request, visitor) {
	return func(w http.ResponseWriter, r *http.Request, _ visitor) {
		http.ServeFileFS(w, r, files, "pages/"+name)
	}
}

func (s *server) noPage(w http.ResponseWriter, _ *http.Request, _ visitor) {
	s.explain(w, notice{code: http.StatusNotFound, Title: "There is no such page", Text: "Start at the dashboard."})
}

// approvePage lets the page's own script run, and keeps the link to this site. Under "no-referrer" a browser sends our own
// form with "Origin: null", which over plain HTTP looks like another site's.
func approvePage(next endpoint) endpoint {
	keep := func(w http.ResponseWriter) {
		w.Header().Set("Referrer-Policy", "same-origin")
		runsCountdown(w)
	}
	return endpoint{
		func(w http.ResponseWriter, r *http.Request, who visitor) { keep(w); next.serve(w, r, who) },
		func(w http.ResponseWriter, p problem) { keep(w); next.refuse(w, p) },
	}
}

// board is the dashboard's content.
type board struct {
	record.Status
	Open   []record.Release
	Active []record.Incident
	Past   []record.Incident
	Lifts  []record.Quarantine // in force

	Mirrored []record.Mirror // those that are on
	Who      record.Caller   // without a name: nobody has signed in
	// Unguarded: everybody can do everything.
	Unguarded bool
}

func (s *server) dashboard(w http.ResponseWriter, r *http.Request, who visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	st, err := s.Engine.Status(ctx)
	if err != nil {
		p := s.problemOf(err)
		s.explain(w, notice{code: p.code, Title: titleOf(p), Text: p.text})
		return
	}
	b := board{Status: st, Who: who.person(), Unguarded: who.How == record.Unauthenticated}
	for _, rel := range st.Releases {
		if rel.Phase == record.Open {
			b.Open = append(b.Open, rel)
		}
	}
	for _, q := range st.Quarantine {
		if q.Bars() {
			b.Lifts = append(b.Lifts, q)
		}
	}
	for _, m := range st.Mirrors {
		if m.On() {
			b.Mirrored = append(b.Mirrored, m)
		}
	}
	for _, inc := range st.Incidents {
		if inc.Phase == record.Done {
			b.Past = append(b.Past, inc)
		} else {
			b.Active = append(b.Active, inc)
		}
	}
	s.render(w, http.StatusOK, "dashboard.html", b)
}

// A notice is a page that only says something.
type notice struct {
	code        int
	Title, Text string

	Subject  string // service and region, of a link of ours
	Incident string // id
	Stands   string // how the incident stands now
	ByHand   string // the command that does what the link was for
}

func (s *server) explain(w http.ResponseWriter, n notice) {
	s.render(w, n.code, "explain.html", n)
}

// render writes a page, or nothing of it.
func (s *server) render(w http.ResponseWriter, code int, name string, data any) {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, data); err != nil {
		s.Log.Error("page not rendered", zap.String("page", name), zap.Error(err))
		sentence(w, http.StatusInternalServerError, "this page cannot be shown; see the daemon's log")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(page.Bytes()) // the reader may be gone
}

// newest are the alerts that the dashboard shows.
func newest(all []record.AlertResult) []record.AlertResult { return all[:min(len(all), 15)] }

func clock(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// provedWord is what a breach's significance adds to its effect, where it has one.
func provedWord(b record.Breach) string {
	if b.Significance.At.IsZero() || b.Significance.Problem != "" {
		return ""
	}
	return fmt.Sprintf(", significance %.3g (1 is proved)", b.Significance.Value)
}

func stateWord(b record.Breach) string {
	if b.Unjudged() {
		return "it is not known yet whether it is more than chance"
	}
	switch b.State {
	case record.Breaching:
		return "it is still breaching"
	case record.NotBreaching:
		return "it is not breaching any more"
	case record.NoData:
		return "there is no data, which is neither good nor bad"
	case record.Unreachable:
		return "Prometheus does not answer"
	case record.NoTrigger:
		return "it is about the checks, and no trigger"
	}
	return "it is not known"
}

func short(digest string) string {
	if len(digest) > 19 {
		return digest[:19] + "…"
	}
	return digest
}
