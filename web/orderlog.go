package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/autorollback/autorollback/record"
)

// orders answers with the order log: who ordered what, newest first.
func (s *server) orders(ctx context.Context, r *http.Request) (any, error) {
	in := r.URL.Query()
	q := record.OrderQuery{Service: in.Get("service"), By: in.Get("by")}
	var err error
	if since := in.Get("since"); since != "" {
		if q.Since, err = time.Parse(time.RFC3339, since); err != nil {
			return nil, badData("since is %q, want a time like 2026-11-20T15:04:05Z", since)
		}
	}
	if limit := in.Get("limit"); limit != "" {
		if q.Limit, err = strconv.Atoi(limit); err != nil || q.Limit < 1 || q.Limit > record.MaxOrders {
			return nil, badData("limit is %q, want a number from 1 to %d", limit, record.MaxOrders)
		}
	}
	all, err := s.Engine.Orders(ctx, q)
	return orEmpty(all), err
}

// Orders returns the orders that are asked for, newest first.
func (c Client) Orders(ctx context.Context, q record.OrderQuery) (all []record.Order, err error) {
	in := url.Values{}
	for name, value := range map[string]string{"service": q.Service, "by": q.By} {
		if value != "" {
			in.Set(name, value)
		}
	}
	if !q.Since.IsZero() {
		in.Set("since", q.Since.UTC().Format(time.RFC3339))
	}
	if q.Limit > 0 {
		in.Set("limit", strconv.Itoa(q.Limit))
	}
	text, err := c.ask(ctx, http.MethodGet, "", nil, "/orders?"+in.Encode())
	if err != nil {
		return nil, err
	}
	return all, unwrap(text, &all)
}
