package rules

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/promapi"
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

// A loadedRules is a Prometheus with these groups, or one that does not answer.
type loadedRules struct {
	groups []promapi.RuleGroup
	down   error
}

// RuleGroups implements API.
func (l loadedRules) RuleGroups(_ context.Context, each func(promapi.RuleGroup) error, _ ...string) error {
	for _, g := range l.groups {
		if err := each(g); err != nil {
			return err
		}
	}
	return l.down
}

// loadedAs is what a Prometheus that loaded the groups would answer.
func loadedAs(groups []Group, at time.Time) []promapi.RuleGroup {
	var out []promapi.RuleGroup
	for _, g := range append(groups[:len(groups):len(groups)], watchdog(groups)) {
		to := promapi.RuleGroup{Name: g.Name, File: "/etc/rules.yml", Interval: g.Interval.Std().Seconds()}
		for _, r := range g.Rules {
			rule := promapi.Rule{Type: "recording", Name: r.Record, Query: canonical(r.Expr.String()), Labels: r.Labels, Health: "ok", LastEvaluation: at}
			if r.Alert != "" {
				rule.Type, rule.Name, rule.Annotations = "alerting", r.Alert, r.Annotations
			}
			to.Rules = append(to.Rules, rule)
		}
		out = append(out, to)
	}
	return out
}

func TestVerifyLive(t *testing.T) {
	want := compiled(t, ranker("ranker"))
	same := func(r []promapi.RuleGroup) []promapi.RuleGroup { return r }
	for _, c := range []struct {
		name  string
		spoil func([]promapi.RuleGroup) []promapi.RuleGroup
		want  string
	}{
		{"well", same, ""},
		{"failing", func(r []promapi.RuleGroup) []promapi.RuleGroup {
			rule := &r[0].Rules[0]
			rule.Health, rule.LastError = "err", "many-to-many matching"
			return r
		}, "failing ranker/"},
		{"stale", func(r []promapi.RuleGroup) []promapi.RuleGroup {
			r[1].Rules[0].LastEvaluation = time.Now().Add(-10 * time.Minute)
			return r
		}, "stale /watchdog"},
		{"never evaluated", func(r []promapi.RuleGroup) []promapi.RuleGroup {
			r[1].Rules[0].LastEvaluation = time.Time{}
			return r
		}, "stale /watchdog"},
		{"gone", func(r []promapi.RuleGroup) []promapi.RuleGroup { r[1].Rules = nil; return r }, "missing /watchdog"},
		{"all gone", func(r []promapi.RuleGroup) []promapi.RuleGroup { return nil }, strings.Repeat("missing ranker/, ", 5) + "missing ranker/latency-p95, missing ranker/error-rate, missing ranker/conversion-drop, missing ranker/users-see-errors, missing ranker/users-wait, missing ranker/blind, missing /watchdog"},
		{"twice", func(r []promapi.RuleGroup) []promapi.RuleGroup { return append(r, r[1]) }, "duplicate /watchdog"},
		{"a rule twice", func(r []promapi.RuleGroup) []promapi.RuleGroup {
			return append(r, promapi.RuleGroup{Name: "mine", Rules: []promapi.Rule{r[0].Rules[len(r[0].Rules)-1]}})
		}, "duplicate ranker/blind"},
		{"another order", func(r []promapi.RuleGroup) []promapi.RuleGroup { slices.Reverse(r[0].Rules); return r }, ""},
		{"somebody's own", func(r []promapi.RuleGroup) []promapi.RuleGroup {
			return append(r, promapi.RuleGroup{Name: "mine", Rules: []promapi.Rule{{Type: "recording", Name: "job:up", Query: "up"}}})
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			prom := loadedRules{groups: c.spoil(loadedAs(want, time.Now()))}
			got, err := (&Verifier{}).Live(t.Context(), []*runbook.Runbook{ranker("ranker")}, prom)
			if err != nil || driftKinds(got) != c.want {
				t.Errorf("got %q, %v, want %q: %v", driftKinds(got), err, c.want, got)
			}
		})
	}
	down := errors.New("connection refused")
	if _, err := (&Verifier{}).Live(t.Context(), []*runbook.Runbook{ranker("ranker")}, loadedRules{down: down}); !errors.Is(err, down) {
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
