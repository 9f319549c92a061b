package web

import (
	"context"
	"net/http"

	"github.com/autorollback/autorollback/api"
)

func (s *server) exportFlags(ctx context.Context, r *http.Request) (api.FlagExport, error) {
	return s.Flags(ctx, r.PathValue("service"), r.PathValue("region"), r.URL.Query().Get("format"))
}
