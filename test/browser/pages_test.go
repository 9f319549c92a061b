package browser

import (
	"flag"
	"net/http"
	"path/filepath"
	"testing"
)

var screenshots = flag.String("screenshots", "", "write a picture of each page, as it is seen, into this `folder`")

// A page is one line of the table.
type page struct {
	name string
	path string // "approve:ID" is the link of a question
	who  string // the header Authorization; empty: nobody signs in
	code int64  // of the answer; 0: 200
	open bool   // of the daemon in which nobody can sign in
	calm bool   // all stores answer, and nothing waits for a second person
	// answers is the selector of the two buttons that the first screen of a phone must have; empty: none.
	answers string
	// then is done in the page, and leads to the one that is looked at, by the route sends.
	then  func(*Tab) (code int64)
	sends string
	file  string // a document's
}

const (
	twoAnswers  = "nav.answers a"
	lastAnswers = "form .answers :is(a, button)"
)

// pages are all pages of the daemon, as people find them.
var pages = []page{
	{name: "dashboard", path: "/", who: signedIn},
	{name: "dashboard of who may only look", path: "/", who: basic("eve")},
	{name: "dashboard searched", path: "/?q=search", who: signedIn},
	{name: "dashboard that has nothing", path: "/?q=nothing", who: signedIn},
	{name: "records", path: "/records", who: signedIn},
	{name: "incidents", path: "/incidents", who: signedIn},
	{name: "incidents that are none", path: "/incidents?q=nothing", who: signedIn},
	{name: "order to promote", path: "/services/ranker/default/promote", who: signedIn},
	{name: "order to roll back", path: "/services/ranker/default/rollback", who: signedIn},
	{name: "order to flip", path: "/services/ranker/default/flip", who: signedIn},
	{name: "order to hold", path: "/services/ranker/default/hold", who: signedIn},
	{name: "order that would be refused", path: "/services/ranker/default/resume", who: signedIn},
	{name: "order without a plan", path: "/services/ranker/default/hold", who: signedIn, code: http.StatusConflict, then: staleOrder, sends: "POST /services/{service}/{region}/{order}"},
	{name: "order given", path: "/services/ranker/default/rollback", who: signedIn, then: give, sends: "POST /services/{service}/{region}/{order}"},
	{name: "order that one may not give", path: "/services/ranker/default/rollback", who: basic("eve"), code: http.StatusForbidden},
	{name: "control", path: "/control", who: signedIn},
	{name: "control set", path: "/control", who: signedIn, then: give, sends: "POST /control"},
	{name: "dashboard of a calm night", path: "/", who: signedIn, calm: true},
	{name: "dashboard that everybody may change", path: "/", open: true},
	{name: "incident not confirmed", path: "/incidents/inc-unconfirmed", who: signedIn},
	{name: "incident that waits for a human", path: "/incidents/inc-awaiting", who: signedIn},
	{name: "incident that is held", path: "/incidents/inc-held", who: signedIn},
	{name: "incident of the wrong cause", path: "/incidents/inc-frozen", who: signedIn},
	{name: "incident that is verified", path: "/incidents/inc-verifying", who: signedIn},
	{name: "incident recovered", path: "/incidents/inc-recovered", who: signedIn},
	{name: "incident not recovered", path: "/incidents/inc-not-recovered", who: signedIn},
	{name: "incident that nobody can tell of", path: "/incidents/inc-cannot-tell", who: signedIn},
	{name: "incident by the API", path: "/api/v1/incidents/inc-recovered/page", who: signedIn},
	{name: "why a service", path: "/why/ranker", who: signedIn},
	{name: "why an incident", path: "/why/inc-recovered", who: signedIn},
	{name: "approval signed in", path: "approve:ap-rollback", who: signedIn, answers: twoAnswers},
	{name: "approval by link", path: "approve:ap-rollback", open: true, answers: twoAnswers},
	{name: "approval that is quiet", path: "approve:ap-quiet", who: signedIn, answers: twoAnswers},
	{name: "approval of a step", path: "approve:ap-promote", who: signedIn, answers: twoAnswers},
	{name: "approval of a split", path: "approve:ap-held", who: signedIn, answers: twoAnswers},
	{name: "approval to be confirmed", path: "approve:ap-rollback", who: signedIn, answers: lastAnswers, then: confirm},
	{name: "approval to be confirmed by link", path: "approve:ap-rollback", open: true, answers: lastAnswers, then: confirm, sends: "POST /approve/{token}"},
	{name: "approval to be named", path: "approve:ap-rollback", open: true, answers: lastAnswers, then: func(tab *Tab) int64 { return choose(tab, "yes") }},
	{name: "approval that is quiet to be confirmed", path: "approve:ap-quiet", who: signedIn, answers: lastAnswers, then: confirm},
	{name: "approval to be refused", path: "approve:ap-rollback", who: signedIn, answers: lastAnswers, then: func(tab *Tab) int64 { return choose(tab, "no") }},
	{name: "approval to be refused by link", path: "approve:ap-rollback", open: true, answers: lastAnswers, then: func(tab *Tab) int64 { return choose(tab, "no") }},
	{name: "approval with a mistake", path: "approve:ap-rollback", open: true, code: http.StatusBadRequest, answers: lastAnswers, then: mistake, sends: "POST /approve/{token}"},
	{name: "approval without a reason", path: "approve:ap-rollback", who: signedIn, code: http.StatusConflict, answers: lastAnswers, then: unreasoned, sends: "POST /approve/{token}"},
	{name: "approval given", path: "approve:ap-rollback", who: signedIn, then: approve, sends: "POST /approve/{token}"},
	{name: "approval given by link", path: "approve:ap-rollback", open: true, then: approve, sends: "POST /approve/{token}"},
	{name: "approval refused", path: "approve:ap-rollback", who: signedIn, then: reject, sends: "POST /approve/{token}"},
	{name: "approval that may not be answered", path: "approve:ap-rollback", who: basic("eve")},
	{name: "approval expired", path: "approve:ap-expired", who: signedIn, code: http.StatusGone},
	{name: "approval overtaken", path: "approve:ap-superseded", who: signedIn, code: http.StatusGone},
	{name: "approval answered", path: "approve:ap-answered", who: signedIn, code: http.StatusConflict},
	{name: "approval unknown", path: "/approve/nonsense", who: signedIn, code: http.StatusNotFound},
	{name: "no such incident", path: "/incidents/inc-none", who: signedIn, code: http.StatusNotFound},
	{name: "no such page", path: "/nothing", who: signedIn, code: http.StatusNotFound},
	{name: "not signed in", path: "/", code: http.StatusUnauthorized},
	{name: "wrong password", path: "/", who: "Basic YW5uOng=", code: http.StatusUnauthorized},
}

// documents are the pages that are files, as the tests of their packages make them.
func documents(t *testing.T) []page {
	t.Helper()
	var all []page
	for _, pattern := range []string{"../../report/testdata/*.html", "../../shadow/report/testdata/*.html"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no files are %s: %v", pattern, err)
		}
		for _, f := range files {
			all = append(all, page{name: "file " + filepath.Base(f), file: f})
		}
	}
	return append(all, page{name: "file game day", file: file(t, "gameday.html", string(gameDay()))})
}

// shelf serves the files as somebody finds them who was sent one.
func shelf(t *testing.T, files []page) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/favicon.ico", func(http.ResponseWriter, *http.Request) {}) // a file has none
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		for _, p := range files {
			if p.name == r.URL.Query().Get("name") {
				http.ServeFile(w, r, p.file)
			}
		}
	})
	return serve(t, mux)
}
