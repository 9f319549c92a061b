package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/web/question"
)

//go:embed pages
var files embed.FS

// templates are parsed once, when the program starts; a mistake in one is a mistake
// in the program.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"clock": report.Clock, "how": question.How, "countdown": script, "style": inlineStyle, "trigger": question.Trigger, "state": stateWord, "proved": provedWord, "join": strings.Join, "short": short,
	"left": left, "until": func(at, now time.Time) end { return end{at, now} }, "lower": strings.ToLower, "thousands": thousands, "span": report.Span,
}).ParseFS(files, "pages/*.html"))

// page answers with a page, and refuses with one.
func (s *server) page(serve func(http.ResponseWriter, *http.Request, visitor)) endpoint {
	return endpoint{serve: serve, refuse: func(w http.ResponseWriter, p problem) {
		p.headers(w)
		s.explain(w, saying(p))
	}}
}

// static answers with a file of ours.
func static(name string) func(http.ResponseWriter, *http.Request, visitor) {
	return func(w http.ResponseWriter, r *http.Request, _ visitor) {
		http.ServeFileFS(w, r, files, "pages/"+name)
	}
}

func (s *server) noPage(w http.ResponseWriter, _ *http.Request, _ visitor) {
	s.explain(w, *noSuchPage())
}

func noSuchPage() *notice {
	return &notice{code: http.StatusNotFound, Title: "There is no such page", Text: "Start at the dashboard."}
}

// approvePage lets the page's own script run beside.
func approvePage(next endpoint) endpoint {
	return formPage(endpoint{
		serve:  func(w http.ResponseWriter, r *http.Request, who visitor) { runsCountdown(w); next.serve(w, r, who) },
		refuse: func(w http.ResponseWriter, p problem) { runsCountdown(w); next.refuse(w, p) },
	})
}

// formPage keeps the address of a page with a form to this site. Under "no-referrer" a browser sends our own
// form with "Origin: null", which over plain HTTP looks like another site's.
func formPage(next endpoint) endpoint {
	keep := func(w http.ResponseWriter) { w.Header().Set("Referrer-Policy", "same-origin") }
	return endpoint{
		serve:  func(w http.ResponseWriter, r *http.Request, who visitor) { keep(w); next.serve(w, r, who) },
		refuse: func(w http.ResponseWriter, p problem) { keep(w); next.refuse(w, p) },
	}
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

// saying is the notice of what went wrong.
func saying(p problem) notice { return notice{code: p.code, Title: titleOf(p), Text: p.text} }

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
