package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// orders answers with the order log: who ordered what, newest first.
func (s *server) orders(ctx context.Context, r *http.Request) ([]record.Order, error) {
	in := r.URL.Query()
	q := view.OrderQuery{Service: in.Get("service"), By: in.Get("by")}
	var err error
	if since := in.Get("since"); since != "" {
		if q.Since, err = time.Parse(time.RFC3339, since); err != nil {
			return nil, badData("since is %q, want a time like 2026-11-20T15:04:05Z", since)
		}
	}
	if limit := in.Get("limit"); limit != "" {
		if q.Limit, err = strconv.Atoi(limit); err != nil || q.Limit < 1 || q.Limit > view.MaxOrders {
			return nil, badData("limit is %q, want a number from 1 to %d", limit, view.MaxOrders)
		}
	}
	all, err := s.Engine.Orders(ctx, q)
	return orEmpty(all), err
}

// refused notes an order that was not carried out because a rule, or who gave it, forbids it.
func (s *server) refused(r *http.Request, who visitor, err error) {
	var b bad
	if errors.Is(err, runbook.ErrRefused) || errors.As(err, &b) && b.code == http.StatusForbidden {
		s.Engine.Refused(who.Caller, attempt(r), err.Error())
	}
}

// attempt names what somebody tried, without the token that a path may hold.
func attempt(r *http.Request) string {
	text := r.Pattern
	for name := range forms {
		if v := r.PathValue(name); v != "" && wellNamed(r) {
			text = strings.ReplaceAll(text, "{"+name+"}", v)
		}
	}
	return text
}
