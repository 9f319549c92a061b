package web

import (
	"fmt"
	"net/http"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/web/question"
)

// A mistake is why an answer was not taken, and where on the page it stands.
type mistake struct {
	code  int
	Field string // service or reason; empty: it is no field's, and stands above the form
	Text  string
}

// again shows the form with what was typed, and the mistake beside its field.
func (s *server) again(w http.ResponseWriter, p approvalPage, in api.Decision, m mistake) {
	p.Typed, p.Mistake = in, m
	p.Typed.Service = plain(in.Service)
	p.Stage = p.chosen(map[string]string{"approve": "yes", "reject": "no"}[in.Decision])
	s.render(w, m.code, "approve.html", p)
}

// A spot is where a mistake may stand, beside one field.
type spot struct{ ID, Text string } // without a text nothing is wrong there

// at is the spot beside a field.
func (m mistake) at(field string) spot {
	if m.Field != field {
		return spot{}
	}
	return spot{field + "-wrong", m.Text}
}

// At is the spot beside a field that the page has.
func (p approvalPage) At(field string) spot {
	if !p.shows(field) {
		return spot{}
	}
	return p.Mistake.at(field)
}

// Above is a mistake that has no field on this page.
func (p approvalPage) Above() string {
	if p.shows(p.Mistake.Field) {
		return ""
	}
	return p.Mistake.Text
}

// shows reports whether the page's form has a field.
func (p approvalPage) shows(field string) bool {
	switch field {
	case "service":
		return p.Stage == naming || p.Stage == rejecting && p.LinkOnly()
	case "reason":
		return p.Stage == rejecting
	}
	return false
}

// judge says why an answer is not good enough, before anything is asked of the engine. Who
// may answer decides the engine; here it only decides what else is worth saying.
func (s *server) judge(q question.Question, in api.Decision, by record.Caller, confirm bool) *mistake {
	if p := understood(q.Approval, in); p != nil {
		field := "service"
		if !known(in.Decision) {
			field = ""
		}
		return &mistake{p.code, field, p.text}
	}
	if err := policy.MayAnswer(q.Approval.Service, q.Approvers(), by); err != nil {
		if !confirm {
			return nil
		}
		p := s.problemOf(err)
		return &mistake{p.code, "", p.text}
	}
	if err := policy.LacksReason(replyOf(in)); err != nil {
		p := s.problemOf(err)
		return &mistake{p.code, "reason", report.Upper(p.text)}
	}
	if in.Decision == "approve" && q.Quiet() && !in.Anyway {
		return &mistake{http.StatusConflict, "", fmt.Sprintf("Nothing was done: meanwhile %s. Roll back anyway?", stateWord(q.Live.Breach))}
	}
	return nil
}

func known(decision string) bool { return decision == "approve" || decision == "reject" }

// understood says what is missing in an answer, of the page and of the API alike.
func understood(a record.Approval, in api.Decision) *problem {
	switch {
	case !known(in.Decision):
		return &problem{code: http.StatusBadRequest, kind: api.BadData, text: "The decision must be approve or reject."}
	case in.Service != a.Service:
		return &problem{code: http.StatusBadRequest, kind: api.BadData, text: "Type the service's name exactly as it is written here: " + a.Service}
	}
	return nil
}
