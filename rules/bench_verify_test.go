package rules

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/runbook"
)

// verified is how many rules BenchmarkVerify compares at least.
const verified = 17000

func many(b *testing.B) (groups []Group, rules int) {
	for i := 0; rules < verified; i++ {
		g, err := Compile(ranker(fmt.Sprintf("service-%d", i)))
		if err != nil {
			b.Fatal(err)
		}
		groups, rules = append(groups, g), rules+len(g.Rules)
	}
	return groups, rules
}

// answer is what /api/v1/rules says of the groups.
func answer(b *testing.B, groups []Group) []byte {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	var out []map[string]any
	for _, g := range append(groups[:len(groups):len(groups)], watchdog(groups)) {
		var rules []map[string]any
		for _, r := range g.Rules {
			rule := map[string]any{"name": r.Record, "type": "recording", "query": canonical(r.Expr.String()), "labels": r.Labels,
				"health": "ok", "lastEvaluation": now, "evaluationTime": 0.001}
			if r.Alert != "" {
				rule["name"], rule["type"], rule["state"], rule["alerts"] = r.Alert, "alerting", "inactive", []any{}
				rule["annotations"], rule["duration"], rule["keepFiringFor"] = r.Annotations, r.For.Std().Seconds(), r.KeepFiringFor.Std().Seconds()
			}
			rules = append(rules, rule)
		}
		out = append(out, map[string]any{"name": g.Name, "file": "/etc/rules.yml", "interval": g.Interval.Std().Seconds(), "rules": rules})
	}
	text, err := json.Marshal(map[string]any{"status": "success", "data": map[string]any{"groups": out}})
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// BenchmarkVerify compares 17,000 rules with files and with a live API. The baseline,
// measured in turns, decodes the same bytes and looks at nothing.
func BenchmarkVerify(b *testing.B) {
	groups, rules := many(b)
	per := float64(verified) / float64(rules)
	b.Run("files", func(b *testing.B) {
		text, err := Marshal(groups)
		if err != nil {
			b.Fatal(err)
		}
		inTurns(b, per, func() {
			if d := Verify(groups, [][]byte{text}); len(d) > 0 {
				b.Fatal(d[0])
			}
		}, func() {
			var v any
			if err := yaml.Unmarshal(text, &v); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("live", func(b *testing.B) {
		text := answer(b, groups)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(text)
		}))
		defer server.Close()
		client, err := promapi.New(server.URL, nil)
		if err != nil {
			b.Fatal(err)
		}
		verifier, runbooks := &Verifier{}, manyRunbooks(len(groups))
		inTurns(b, per, func() {
			if d, err := verifier.Live(b.Context(), runbooks, client); err != nil || len(d) > 0 {
				b.Fatal(err, d)
			}
		}, func() {
			var v any
			if err := json.Unmarshal(text, &v); err != nil {
				b.Fatal(err)
			}
		})
	})
}

func manyRunbooks(n int) []*runbook.Runbook {
	var out []*runbook.Runbook
	for i := range n {
		out = append(out, ranker(fmt.Sprintf("service-%d", i)))
	}
	return out
}

func inTurns(b *testing.B, per float64, verify, decode func()) {
	var took, cpu, bare float64
	n := 0.0
	for b.Loop() {
		at, used := time.Now(), cpuSeconds()
		verify()
		took, cpu = took+time.Since(at).Seconds(), cpu+cpuSeconds()-used
		used = cpuSeconds()
		decode()
		bare += cpuSeconds() - used
		n++
	}
	b.ReportMetric(took/n*per, "s/17000rules")
	b.ReportMetric(cpu/n*per, "cpu-s/17000rules")
	b.ReportMetric(cpu/max(bare, 1e-9), "ratio-to-decode")
}
