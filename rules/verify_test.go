package rules

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/runbook"
)

func driftKinds(drifts []Drift) string {
	var out []string
	for _, d := range drifts {
		if d.What == "" || d.Fix == "" {
			out = append(out, "SPEECHLESS")
		}
		out = append(out, string(d.Kind)+" "+d.Service+"/"+d.Trigger)
	}
	return strings.Join(out, ", ")
}

func TestVerifyFindsEveryDifference(t *testing.T) {
	want := compiled(t, ranker("ranker"))
	text := string(marshalled(t, want))
	start := strings.Index(text, "  - alert: AutorollbackRankerErrorRate\n")
	end := start + strings.Index(text[start+3:], "\n\n") + 4
	alert := text[start:end]
	for _, c := range []struct {
		name  string
		files []string
		want  string
	}{
		{"untouched", []string{text}, ""},
		{"beside rules of others", []string{text, "groups:\n- name: x\n  rules:\n  - alert: Theirs\n    expr: up == 0\n"}, ""},
		{"one alert removed", []string{strings.Replace(text, alert, "", 1)}, "missing ranker/error-rate"},
		{"threshold edited", []string{strings.Replace(text, " 0.05\n", " 0.06\n", 1)}, "edited ranker/error-rate"},
		{"only laid out anew", []string{strings.Replace(text, "and on (region, release)", "and   on(region,release)", 1)}, ""},
		{"severity edited", []string{strings.Replace(text, alert, strings.Replace(alert, "severe", "mild", 1), 1)}, "edited ranker/error-rate"},
		{"digest of another runbook", []string{strings.Replace(text, alert, strings.Replace(alert, "sha256:feed", "sha256:dead", 1), 1)}, "edited ranker/error-rate"},
		{"keep_firing_for edited", []string{strings.Replace(text, alert, strings.Replace(alert, "keep_firing_for: 1m", "keep_firing_for: 1h", 1), 1)}, "edited ranker/error-rate"},
		{"the same alert twice", []string{strings.Replace(text, alert, alert+"\n"+alert, 1)}, "duplicate ranker/error-rate"},
		{"an alert nobody asked for", []string{strings.Replace(text, alert, alert+"\n"+strings.Replace(alert, `trigger: "error-rate"`, `trigger: "old"`, 1), 1)}, "extra ranker/old"},
		{"supporting rule edited", []string{strings.Replace(text, "max by (region, release, role) (\n", "min by (region, release, role) (\n", 1)}, "edited ranker/"},
		{"a rule of the version before", []string{text + "- name: old\n  rules:\n  - record: autorollback:phi\n    expr: vector(1)\n    labels: {service: ranker}\n"}, "outdated ranker/"},
		{"an alert in a group of the version before", []string{strings.Replace(strings.Replace(text, " 0.05\n", " 0.06\n", 1), "  - alert:", "  - record: autorollback:phi\n    expr: vector(1)\n    labels: {service: ranker}\n\n  - alert:", 1)}, "outdated ranker/error-rate, outdated ranker/"},
		{"watchdog removed", []string{text[:strings.Index(text, "- name: \"autorollback-watchdog\"")]}, "missing /watchdog"},
		{"not YAML", []string{text, "groups: ["}, "failing /"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var files [][]byte
			for _, f := range c.files {
				files = append(files, []byte(f))
			}
			if c.want != "" && !strings.HasPrefix(c.want, "failing") && strings.Join(c.files, "") == text {
				t.Fatal("the file was not changed")
			}
			got := Verify(want, files)
			if driftKinds(got) != c.want {
				t.Errorf("got %q, want %q: %v", driftKinds(got), c.want, got)
			}
		})
	}
}

func TestVerifyFindsRunbooksThatCameAndWent(t *testing.T) {
	ads, ranks := ranker("ads"), ranker("ranker")
	file := marshalled(t, compiled(t, ads))
	missing, extra := 0, 0
	for _, d := range Verify(compiled(t, ranks), [][]byte{file}) {
		switch {
		case d.Kind == Missing && d.Service == "ranker":
			missing++
		case d.Kind == Extra && d.Service == "ads":
			extra++
		default:
			t.Errorf("unexpected: %s", d)
		}
	}
	if n := len(compiled(t, ads)[0].Rules); missing != n || extra != n {
		t.Errorf("%d missing and %d extra of %d", missing, extra, n)
	}
}

type apiFunc func() (v1.RulesResult, error)

// RuleGroups implements API.
func (f apiFunc) RuleGroups(_ context.Context, each func(v1.RuleGroup) error) error {
	res, err := f()
	for _, g := range res.Groups {
		if err := each(g); err != nil {
			return err
		}
	}
	return err
}

// loadedAs is what a Prometheus that loaded the groups would answer.
func loadedAs(groups []Group, at time.Time) v1.RulesResult {
	var out v1.RulesResult
	labels := func(m map[string]string) model.LabelSet {
		set := model.LabelSet{}
		for k, v := range m {
			set[model.LabelName(k)] = model.LabelValue(v)
		}
		return set
	}
	for _, g := range append(groups[:len(groups):len(groups)], watchdog(groups)) {
		to := v1.RuleGroup{Name: g.Name, File: "/etc/rules.yml", Interval: g.Interval.Std().Seconds()}
		for _, r := range g.Rules {
			if r.Alert != "" {
				to.Rules = append(to.Rules, v1.AlertingRule{Name: r.Alert, Query: canonical(r.Expr.String()), Labels: labels(r.Labels), Annotations: labels(r.Annotations), Health: "ok", LastEvaluation: at})
				continue
			}
			to.Rules = append(to.Rules, v1.RecordingRule{Name: r.Record, Query: canonical(r.Expr.String()), Labels: labels(r.Labels), Health: "ok", LastEvaluation: at})
		}
		out.Groups = append(out.Groups, to)
	}
	return out
}

func TestVerifyLive(t *testing.T) {
	want := compiled(t, ranker("ranker"))
	for _, c := range []struct {
		name  string
		spoil func(*v1.RulesResult)
		want  string
	}{
		{"well", func(*v1.RulesResult) {}, ""},
		{"failing", func(r *v1.RulesResult) {
			rule := r.Groups[0].Rules[0].(v1.RecordingRule)
			rule.Health, rule.LastError = "err", "many-to-many matching"
			r.Groups[0].Rules[0] = rule
		}, "failing ranker/"},
		{"stale", func(r *v1.RulesResult) {
			rule := r.Groups[1].Rules[0].(v1.AlertingRule)
			rule.LastEvaluation = time.Now().Add(-10 * time.Minute)
			r.Groups[1].Rules[0] = rule
		}, "stale /watchdog"},
		{"never evaluated", func(r *v1.RulesResult) {
			rule := r.Groups[1].Rules[0].(v1.AlertingRule)
			rule.LastEvaluation = time.Time{}
			r.Groups[1].Rules[0] = rule
		}, "stale /watchdog"},
		{"gone", func(r *v1.RulesResult) { r.Groups[1].Rules = nil }, "missing /watchdog"},
		{"all gone", func(r *v1.RulesResult) { r.Groups = nil }, strings.Repeat("missing ranker/, ", 5) + "missing ranker/latency-p95, missing ranker/error-rate, missing ranker/conversion-drop, missing ranker/users-see-errors, missing ranker/users-wait, missing ranker/blind, missing /watchdog"},
		{"twice", func(r *v1.RulesResult) { r.Groups = append(r.Groups, r.Groups[1]) }, "duplicate /watchdog"},
		{"a rule twice", func(r *v1.RulesResult) {
			r.Groups = append(r.Groups, v1.RuleGroup{Name: "mine", Rules: v1.Rules{r.Groups[0].Rules[len(r.Groups[0].Rules)-1]}})
		}, "duplicate ranker/blind"},
		{"another order", func(r *v1.RulesResult) { slices.Reverse(r.Groups[0].Rules) }, ""},
		{"somebody's own", func(r *v1.RulesResult) {
			r.Groups = append(r.Groups, v1.RuleGroup{Name: "mine", Rules: v1.Rules{v1.RecordingRule{Name: "job:up", Query: "up"}}})
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := loadedAs(want, time.Now())
			c.spoil(&res)
			got, err := (&Verifier{}).Live(t.Context(), []*runbook.Runbook{ranker("ranker")}, apiFunc(func() (v1.RulesResult, error) { return res, nil }))
			if err != nil || driftKinds(got) != c.want {
				t.Errorf("got %q, %v, want %q: %v", driftKinds(got), err, c.want, got)
			}
		})
	}
	down := errors.New("connection refused")
	if _, err := (&Verifier{}).Live(t.Context(), []*runbook.Runbook{ranker("ranker")}, apiFunc(func() (v1.RulesResult, error) { return v1.RulesResult{}, down })); !errors.Is(err, down) {
		t.Errorf("unreachable: %v", err)
	}
}

func TestVerifyReadsWhatMarshalWrites(t *testing.T) {
	groups := compiled(t, example(t), ranker("ranker"), ranker("ads"))
	text := marshalled(t, groups)
	if got := Verify(groups, [][]byte{text}); len(got) > 0 {
		t.Errorf("drift: %v", got)
	}
	if bytes.Contains(text, []byte("\t")) {
		t.Error("a tab in YAML")
	}
}
