package web

import (
	"fmt"
	"net/http"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
)

// A mistake is why an answer was not taken, and where on the page it stands.
type mistake struct {
	code  int
	Field string // service, reason or anyway; empty: it is no field's, and stands above the forms
	Text  string
}

// again shows the form with what was typed, and the mistake beside its field.
func (s *server) again(w http.ResponseWriter, q question, in Decision, m mistake) {
	q.Typed, q.Mistake, q.Confirm = in, m, false
	q.Typed.Service = plain(in.Service)
	s.form(w, m.code, q)
}

// A reply is one of the page's two forms, with what was typed into it.
type reply struct {
	question
	Name string
	mine bool
}

// Yes is the form that leads to an approval.
func (q question) Yes() reply { return reply{q, "approve", q.Typed.Decision != "reject"} }

// No is the form that rejects.
func (q question) No() reply { return reply{q, "reject", q.Typed.Decision == "reject"} }

// Service is what was typed as the service's name.
func (r reply) Service() string { return r.mineOnly(r.Typed.Service) }

// Reason is what was typed as the reason.
func (r reply) Reason() string { return r.mineOnly(r.Typed.Reason) }

// Anyway reports whether the box was ticked.
func (r reply) Anyway() bool { return r.mine && r.Typed.Anyway }

// A spot is where a mistake may stand, beside one field of one form.
type spot struct{ ID, Text string } // without a text nothing is wrong there

// At is the spot beside a field.
func (r reply) At(field string) spot {
	if !r.mine || r.Mistake.Field != field {
		return spot{}
	}
	return spot{r.Name + "-" + field + "-wrong", r.Mistake.Text}
}

func (r reply) mineOnly(text string) string {
	if r.mine {
		return text
	}
	return ""
}

// judge says why an answer is not good enough, before anything is asked of the engine. Who
// may answer decides the engine; here it only decides what else is worth saying.
func (s *server) judge(q question, in Decision) *mistake {
	if p := understood(q.Approval, in); p != nil {
		field := "service"
		if !known(in.Decision) {
			field = ""
		}
		return &mistake{p.code, field, p.text}
	}
	if err := policy.MayAnswer(q.Approval.Service, q.Approvers, q.Who); err != nil {
		if !q.Confirm {
			return nil
		}
		p := s.problemOf(err)
		return &mistake{p.code, "", p.text}
	}
	if err := policy.LacksReason(in.reply()); err != nil {
		p := s.problemOf(err)
		return &mistake{p.code, "reason", p.text}
	}
	if in.Decision == "approve" && q.Quiet() && !in.Anyway {
		return &mistake{http.StatusConflict, "anyway",
			fmt.Sprintf("The trigger is not breaching any more (%s). To roll back anyway, tick the box.", stateWord(q.Live.Breach))}
	}
	return nil
}

func known(decision string) bool { return decision == "approve" || decision == "reject" }

// understood says what is missing in an answer, of the page and of the API alike.
func understood(a record.Approval, in Decision) *problem {
	switch {
	case !known(in.Decision):
		return &problem{code: http.StatusBadRequest, kind: "bad_data", text: "The decision must be approve or reject."}
	case in.Service != a.Service:
		return &problem{code: http.StatusBadRequest, kind: "bad_data", text: "Type the service's name exactly as it is written here: " + a.Service}
	}
	return nil
}
