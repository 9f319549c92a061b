package demo

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
)

// api serves /api/v1/query, /api/v1/query_range and /api/v1/rules as Prometheus does.
func (p *Prometheus) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/query", p.query)
	mux.HandleFunc("/api/v1/query_range", p.queryRange)
	mux.HandleFunc("GET /api/v1/rules", p.listRules)
	return mux
}

func (p *Prometheus) query(w http.ResponseWriter, r *http.Request) {
	at, err := instant(r.FormValue("time"), time.Now())
	if err != nil {
		refuse(w, err)
		return
	}
	q, err := p.engine.NewInstantQuery(r.Context(), p.db, nil, r.FormValue("query"), at)
	if err != nil {
		refuse(w, err)
		return
	}
	defer q.Close()
	answer(w, q.Exec(r.Context()))
}

func (p *Prometheus) queryRange(w http.ResponseWriter, r *http.Request) {
	from, err1 := instant(r.FormValue("start"), time.Time{})
	to, err2 := instant(r.FormValue("end"), time.Time{})
	step, err3 := span(r.FormValue("step"))
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			refuse(w, err)
			return
		}
	}
	q, err := p.engine.NewRangeQuery(r.Context(), p.db, nil, r.FormValue("query"), from, to, step)
	if err != nil {
		refuse(w, err)
		return
	}
	defer q.Close()
	answer(w, q.Exec(r.Context()))
}

// listed is a rule as /api/v1/rules shows it.
type listed struct {
	Name           string            `json:"name"`
	Query          string            `json:"query"`
	Labels         map[string]string `json:"labels"`
	Annotations    map[string]string `json:"annotations,omitempty"`
	Health         rules.RuleHealth  `json:"health"`
	LastError      string            `json:"lastError,omitempty"`
	LastEvaluation time.Time         `json:"lastEvaluation"`
	EvaluationTime float64           `json:"evaluationTime"`
	Type           string            `json:"type"`
}

func (p *Prometheus) listRules(w http.ResponseWriter, _ *http.Request) {
	type group struct {
		Name     string   `json:"name"`
		File     string   `json:"file"`
		Interval float64  `json:"interval"`
		Rules    []listed `json:"rules"`
	}
	groups := []group{}
	for _, g := range p.rules.RuleGroups() {
		one := group{Name: g.Name(), File: g.File(), Interval: g.Interval().Seconds()}
		for _, r := range g.Rules() {
			l := listed{Name: r.Name(), Query: r.Query().String(), Labels: r.Labels().Map(), Health: r.Health(),
				LastEvaluation: r.GetEvaluationTimestamp(), EvaluationTime: r.GetEvaluationDuration().Seconds(), Type: "recording"}
			if err := r.LastError(); err != nil {
				l.LastError = err.Error()
			}
			if a, ok := r.(*rules.AlertingRule); ok {
				l.Type, l.Annotations = "alerting", a.Annotations().Map()
			}
			one.Rules = append(one.Rules, l)
		}
		groups = append(groups, one)
	}
	success(w, map[string]any{"groups": groups})
}

func answer(w http.ResponseWriter, res *promql.Result) {
	if res.Err != nil {
		refuse(w, res.Err)
		return
	}
	success(w, map[string]any{"resultType": res.Value.Type(), "result": res.Value})
}

func success(w http.ResponseWriter, data any) {
	body, err := json.Marshal(map[string]any{"status": "success", "data": data})
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // the reader may be gone
}

func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": "error", "errorType": "bad_data", "error": err.Error()})
}

// instant parses seconds since the epoch or RFC 3339.
func instant(text string, otherwise time.Time) (time.Time, error) {
	if text == "" && !otherwise.IsZero() {
		return otherwise, nil
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		whole, part := math.Modf(s)
		return time.Unix(int64(whole), int64(part*1e9)).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, fmt.Errorf("parse time %q: %w", text, err)
	}
	return t, nil
}

// span parses seconds or Prometheus' form.
func span(text string) (time.Duration, error) {
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		return time.Duration(s * float64(time.Second)), nil
	}
	d, err := model.ParseDuration(text)
	return time.Duration(d), err
}
