package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/autorollback/autorollback/outbound"
	"github.com/hashicorp/consul/api"
)

// A kind says what an answer other than success means for the transaction.
type kind int

const (
	stale      kind = iota // not applied: a key is not at its index
	refused                // not applied, and asking again will not help
	notApplied             // not applied, and it may be if asked again
	unclear                // it may have been applied, or may yet be
)

// A failure is an error of which it is known what it means.
type failure struct {
	kind  kind
	cause error
}

func (f failure) Error() string { return f.cause.Error() }
func (f failure) Unwrap() error { return f.cause }

func kindOf(err error) kind {
	if f, ok := errors.AsType[failure](err); ok {
		return f.kind
	}
	return unclear
}

// unanswered judges a request without an answer: only one that never got a
// connection is known not to have been applied.
func unanswered(err error, connected bool) error {
	err = outbound.Cause(err)
	if connected {
		return failure{unclear, err}
	}
	return failure{notApplied, err}
}

// judge reads an answer. The order is that of how sure each sign is.
func judge(status int, body []byte, ops []api.KVTxnOp) (answer, error) {
	var a answer
	if status == http.StatusOK || status == http.StatusConflict {
		if err := json.Unmarshal(body, &a); err != nil {
			return a, failure{unclear, fmt.Errorf("answer %d: %w", status, err)}
		}
		if status == http.StatusConflict {
			return a, rolledBack(a.Errors, ops)
		}
		return a, nil
	}
	text := string(body)
	return a, failure{kindOfStatus(status, text), fmt.Errorf("answer %d: %s", status, outbound.Excerpt(text))}
}

// brief shortens what Consul's own client says of an answer, which is all of it.
func brief(err error) error {
	if status, ok := errors.AsType[api.StatusError](err); ok {
		status.Body = outbound.Excerpt(status.Body)
		return status
	}
	return outbound.Cause(err)
}

// Consul says these before it has done anything. All else with status 500, such
// as "leadership lost while committing log", may come after the write.
var beforeWriting = []string{
	"No cluster leader",
	"No path to datacenter",
	"Remote DC has no server currently reachable",
	"No known Consul servers",
	"Not ready to serve consistent reads",
}

func kindOfStatus(status int, text string) kind {
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return notApplied
	case status >= 400 && status < 500:
		return refused
	}
	for _, s := range beforeWriting {
		if strings.Contains(text, s) {
			return notApplied
		}
	}
	return unclear
}

// rolledBack judges a 409. A missing permission comes as one too.
func rolledBack(errs api.TxnErrors, ops []api.KVTxnOp) error {
	meant := stale
	var all []error
	for _, e := range errs {
		switch {
		case strings.Contains(e.What, "Permission denied"):
			return failure{refused, denied(e, ops)}
		case !isStale(e.What):
			meant = refused
		}
		all = append(all, errors.New(e.What))
	}
	if len(all) == 0 {
		return failure{refused, errors.New("rolled back without a reason")}
	}
	if meant == stale {
		all = append(all, ErrConflict)
	}
	return failure{meant, errors.Join(all...)}
}

func isStale(what string) bool {
	for _, s := range []string{"index is stale", "failed index check", "failed to check index", " exists"} {
		if strings.Contains(what, s) {
			return true
		}
	}
	return false
}

// denied says what to grant. To know that a key is absent takes the right to
// write it: that is Consul's rule for check-not-exists.
func denied(e *api.TxnError, ops []api.KVTxnOp) error {
	if e.OpIndex < 0 || e.OpIndex >= len(ops) {
		return errors.New(e.What)
	}
	op, policy := ops[e.OpIndex], "write"
	if op.Verb == api.KVCheckIndex {
		policy = "read"
	}
	return fmt.Errorf("%s: grant the token the ACL rule key %q { policy = %q }", outbound.Excerpt(e.What), op.Key, policy)
}
