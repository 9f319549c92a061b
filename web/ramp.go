package web

import (
	"context"
	"net/http"
)

// rampPlan says what the ramp will take, and where the release stands on it.
func (s *server) rampPlan(ctx context.Context, r *http.Request) (any, error) {
	return s.Steps.RampPlan(ctx, r.PathValue("service"), r.PathValue("region"))
}

// promote and flip take an empty JSON object: a step needs no reason, it is the plan.
func (s *server) promote(ctx context.Context, r *http.Request, who Identity) (any, error) {
	if err := order(r, &struct{}{}); err != nil {
		return nil, err
	}
	return s.Steps.Promote(ctx, r.PathValue("service"), r.PathValue("region"), who.Name)
}

func (s *server) flip(ctx context.Context, r *http.Request, who Identity) (any, error) {
	if err := order(r, &struct{}{}); err != nil {
		return nil, err
	}
	return s.Steps.Flip(ctx, r.PathValue("service"), r.PathValue("region"), who.Name)
}

func (s *server) stop(ctx context.Context, r *http.Request, who Identity) (any, error) {
	reason, err := reasonOf(r)
	if err != nil {
		return nil, err
	}
	return s.Brakes.Stop(ctx, r.PathValue("service"), r.PathValue("region"), who.Name, reason)
}

func (s *server) resume(ctx context.Context, r *http.Request, who Identity) (any, error) {
	reason, err := reasonOf(r)
	if err != nil {
		return nil, err
	}
	return s.Brakes.Resume(ctx, r.PathValue("service"), r.PathValue("region"), who.Name, reason)
}
