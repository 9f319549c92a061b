package web

import (
	"context"
	"net/http"
	"net/url"
)

// A FlagExport is the flags of a service as another flag system reads them.
type FlagExport struct {
	Document any      `json:"document"`
	LeftOut  []string `json:"left_out,omitempty"` // what that system has no place for, in words
}

func (s *server) exportFlags(ctx context.Context, r *http.Request) (any, error) {
	return s.Flags(ctx, r.PathValue("service"), r.PathValue("region"), r.URL.Query().Get("format"))
}

// ExportFlags returns the flags of a service for another flag system, flagd or goff.
func (c Client) ExportFlags(ctx context.Context, service, region, format string) (e FlagExport, err error) {
	text, err := c.ask(ctx, http.MethodGet, "", nil,
		"/flags/"+url.PathEscape(service)+"/"+url.PathEscape(region)+"?"+url.Values{"format": {format}}.Encode())
	if err != nil {
		return e, err
	}
	return e, unwrap(text, &e)
}
