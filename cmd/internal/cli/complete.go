package cli

import (
	"context"
	"time"

	"github.com/autorollback/autorollback/view"
)

// hintWithin is how long a shell waits for names from the daemon when somebody presses Tab.
const hintWithin = time.Second

// Services are the names that the daemon knows, for a shell that completes; none where it does not answer.
func (r *Remote) Services() (names []string) {
	for _, rules := range r.hint().Rules {
		names = append(names, rules.Service)
	}
	return names
}

// Incidents are the ids of the newest incidents, for a shell that completes.
func (r *Remote) Incidents() (ids []string) {
	for _, i := range r.hint().Incidents {
		ids = append(ids, i.ID)
	}
	return ids
}

// Approvals are the ids of what somebody is asked now, for a shell that completes.
func (r *Remote) Approvals() (ids []string) {
	for _, a := range r.hint().Approvals {
		ids = append(ids, a.ID)
	}
	return ids
}

func (r *Remote) hint() view.Status {
	client, err := r.Client()
	if err != nil {
		return view.Status{}
	}
	ctx, cancel := context.WithTimeout(context.Background(), hintWithin) // kingpin asks without one
	defer cancel()
	st, err := client.Status(ctx)
	if err != nil {
		return view.Status{}
	}
	return st
}
