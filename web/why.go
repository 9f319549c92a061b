package web

import (
	"context"
	"net/http"

	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/view"
)

// why answers why a service was rolled back or not, or an incident decided as it was.
func (s *server) why(ctx context.Context, r *http.Request) (view.Why, error) {
	trigger := r.FormValue("trigger")
	if trigger != "" && !forms["service"].MatchString(trigger) {
		return view.Why{}, notFound("trigger")
	}
	w, err := s.Engine.Why(ctx, r.PathValue("id"), trigger)
	w.Releases, w.Triggers = orEmpty(w.Releases), orEmpty(w.Triggers)
	w.Alerts, w.Incidents = orEmpty(w.Alerts), orEmpty(w.Incidents)
	return w, err
}

// whyView is the same as a page.
type whyView struct {
	view.Why
	Title    string
	Sections []report.WhySection
}

func (s *server) whyPage(w http.ResponseWriter, r *http.Request, _ visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	err := notFound("service or incident")
	var answer view.Why
	if wellNamed(r) {
		answer, err = s.why(ctx, r)
	}
	if err != nil {
		s.explain(w, saying(s.problemOf(err)))
		return
	}
	v := whyView{Why: answer}
	v.Title = "Why: " + v.Service
	if v.Incident != nil {
		v.Title += ", " + v.Incident.ID
	}
	v.Sections = report.Why(v.Why)
	s.render(w, http.StatusOK, "why.html", v)
}
