package web

import (
	"context"
	"net/http"
	"time"

	"github.com/autorollback/autorollback/view"
)

// followUpWithin is how long a follow-up that is made now may take: it counts releases of days.
const followUpWithin = time.Minute

// followUp answers with what comes after an incident.
func (s *server) followUp(w http.ResponseWriter, r *http.Request, _ visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), followUpWithin)
	defer cancel()
	if !wellNamed(r) {
		fail(w, s.problemOf(notFound("incident")))
		return
	}
	inc, err := s.Engine.Incident(ctx, r.PathValue("id"))
	var files view.FollowUp
	if err == nil {
		files, err = s.FollowUp(ctx, inc)
	}
	if err != nil {
		fail(w, s.problemOf(err))
		return
	}
	succeed(w, files)
}
