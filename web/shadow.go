package web

import (
	"context"
	"net/http"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
)

// recordShadow takes the gate file that `shadow report` wrote.
func (s *server) recordShadow(ctx context.Context, _ *http.Request, who visitor, g shadow.Gate) (record.ShadowVerdict, error) {
	return s.Engine.RecordShadow(ctx, g, who.Caller)
}

func (s *server) startMirror(ctx context.Context, r *http.Request, who visitor, o runbook.MirrorOrder) (record.Mirror, error) {
	return s.Engine.StartMirror(ctx, r.PathValue("service"), r.PathValue("region"), o, who.Caller)
}
