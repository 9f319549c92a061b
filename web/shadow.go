package web

import (
	"context"
	"net/http"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
)

// recordShadow takes the gate file that `shadow report` wrote.
func (s *server) recordShadow(ctx context.Context, r *http.Request, who visitor) (any, error) {
	var g shadow.Gate
	if err := order(r, &g); err != nil {
		return nil, err
	}
	return s.Engine.RecordShadow(ctx, g, who.Caller)
}

func (s *server) startMirror(ctx context.Context, r *http.Request, who visitor) (any, error) {
	var o runbook.MirrorOrder
	if err := order(r, &o); err != nil {
		return nil, err
	}
	return s.Engine.StartMirror(ctx, r.PathValue("service"), r.PathValue("region"), o, who.Caller)
}
