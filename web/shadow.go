package web

import (
	"context"
	"net/http"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
)

// Gates keeps the verdicts of shadow reports.
type Gates interface {
	RecordShadow(ctx context.Context, g shadow.Gate, by string) (runbook.ShadowVerdict, error)
}

// recordShadow takes the gate file that `shadow report` wrote.
func (s *server) recordShadow(ctx context.Context, r *http.Request, who Identity) (any, error) {
	var g shadow.Gate
	if err := order(r, &g); err != nil {
		return nil, err
	}
	return s.Gates.RecordShadow(ctx, g, who.Name)
}

func (s *server) shadowVerdicts(ctx context.Context, _ *http.Request) (any, error) {
	st, err := s.Reader.Status(ctx)
	return orEmpty(st.Shadow), err
}

// RecordShadow records the verdict of a shadow report.
func (c Client) RecordShadow(ctx context.Context, g shadow.Gate) (v runbook.ShadowVerdict, err error) {
	err = c.order(ctx, http.MethodPost, g, &v, "shadow")
	return v, err
}
