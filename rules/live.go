package rules

import (
	"context"
	"fmt"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/autorollback/autorollback/runbook"
)

// An API tells which rules a Prometheus has loaded. The v1.API of client_golang is one.
type API interface {
	Rules(ctx context.Context, matches []string) (v1.RulesResult, error)
}

// skew is how far Prometheus' clock may be from ours before its evaluations look old.
const skew = time.Minute

// VerifyLive does what [Verify] does against a running Prometheus, and finds rules
// that fail or have not been evaluated for four intervals and a minute. An error
// means that it could not be asked.
func VerifyLive(ctx context.Context, want []Group, prom API) ([]Drift, error) {
	res, err := prom.Rules(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("ask Prometheus for its rules: %w", err)
	}
	now := time.Now()
	var found []loaded
	var unwell []Drift
	for _, g := range res.Groups {
		for _, r := range g.Rules {
			l, state := fromAPI(g, r)
			found = append(found, l)
			if d, bad := state.judge(l, g, now); bad && l.ours() {
				unwell = append(unwell, d)
			}
		}
	}
	return append(compare(want, found), unwell...), nil
}

type evaluation struct {
	health, problem string
	last            time.Time
}

func fromAPI(g v1.RuleGroup, r any) (loaded, evaluation) {
	l := loaded{file: g.File, group: g.Name, interval: seconds(g.Interval).String()}
	switch r := r.(type) {
	case v1.AlertingRule:
		l.Rule = Rule{Alert: r.Name, For: seconds(r.Duration), Labels: texts(r.Labels), Annotations: texts(r.Annotations)}
		l.text = r.Query
		return l, evaluation{string(r.Health), r.LastError, r.LastEvaluation}
	case v1.RecordingRule:
		l.Rule = Rule{Record: r.Name, Labels: texts(r.Labels)}
		l.text = r.Query
		return l, evaluation{string(r.Health), r.LastError, r.LastEvaluation}
	}
	return l, evaluation{}
}

func (e evaluation) judge(l loaded, g v1.RuleGroup, now time.Time) (Drift, bool) {
	age, limit := now.Sub(e.last), 4*seconds(g.Interval).Std()+skew
	switch {
	case e.problem != "" || e.health == string(v1.RuleHealthBad):
		return l.drift(Failing, fmt.Sprintf("%s: %s", l.name(), e.problem), "fix what Prometheus says"), true
	case e.last.IsZero() || e.last.Unix() <= 0:
		return l.drift(Stale, l.name()+" has not been evaluated yet", "ask again in a minute"), true
	case age > limit:
		return l.drift(Stale, fmt.Sprintf("%s was last evaluated %s ago", l.name(), age.Round(time.Second)), "see why Prometheus evaluates too slowly, and its clock"), true
	}
	return Drift{}, false
}

func seconds(s float64) runbook.Duration { return runbook.Duration(s * float64(time.Second)) }

// texts copies a label set; client_golang's type is of the same shape.
func texts[M ~map[K]V, K, V ~string](m M) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[string(k)] = string(v)
	}
	return out
}
