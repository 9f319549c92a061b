package rules

import (
	"context"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// A Kind says how rules differ from what the runbooks ask for.
type Kind string

const (
	Missing   Kind = "missing"   // a trigger has no alert, or a supporting rule is gone
	Extra     Kind = "extra"     // an alert of ours that no trigger asks for
	Edited    Kind = "edited"    // expression, labels or digest differ
	Duplicate Kind = "duplicate" // two alerts for one trigger
	Failing   Kind = "failing"   // Prometheus cannot evaluate it
	Stale     Kind = "stale"     // Prometheus has not evaluated it lately
)

// A Drift is one difference, and how to mend it.
type Drift struct {
	Kind             Kind
	Service, Trigger string // Trigger is empty for recording rules
	File, Group      string
	What, Mend       string
}

// An API tells which rules a Prometheus has loaded. The v1.API of client_golang is one.
type API interface {
	Rules(ctx context.Context, matches []string) (v1.RulesResult, error)
}

// Verify compares rule files with what the runbooks ask for: each trigger has exactly
// one alert and each alert of ours exactly one trigger. Nil means one to one.
func Verify(want []Group, files [][]byte) []Drift { return nil }

// VerifyLive does the same against a running Prometheus, and finds rules that fail or
// are not evaluated. An error means that it could not be asked.
func VerifyLive(ctx context.Context, want []Group, prom API) ([]Drift, error) {
	return nil, nil
}
