package web

import (
	"context"
	"net/http"
)

func (s *server) exportFlags(ctx context.Context, r *http.Request) (any, error) {
	return s.Flags(ctx, r.PathValue("service"), r.PathValue("region"), r.URL.Query().Get("format"))
}
