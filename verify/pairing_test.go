package verify_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

func TestPairing(t *testing.T) {
	bundle := runbook.Bundle{Schema: 1, Model: runbook.Model{Registry: runbook.Registry{Version: "11"}}, Features: runbook.Features{Encoder: "v4"}}
	hex := strings.TrimPrefix(bundle.Digest(), "sha256:")
	right := fmt.Sprintf(`"bundle":"%s","encoder":"v4","model":"11"`, hex[:12])
	for _, c := range []struct {
		name   string
		answer served
		want   record.Health
		good   float64
		of     float64
		phrase string
	}{
		{"every pod", pods(3, right), record.Good, 3, 3, "all 3 pods of v1 serve its bundle"},
		{"the whole digest", pods(2, strings.Replace(right, hex[:12], "sha256:"+hex, 1)), record.Good, 2, 2, "all 2 pods"},
		{"another encoder", pods(3, right, strings.Replace(right, `"v4"`, `"v5"`, 1)), record.Bad, 3, 6, `3 of 6 pods of v1 serve another pair: 3 with encoder "v5" instead of "v4"`},
		{"another model", pods(1, strings.Replace(right, `"11"`, `"12"`, 1)), record.Bad, 0, 1, `model version "12" instead of "11"`},
		{"another bundle", pods(1, strings.Replace(right, hex[:12], "0123456789ab", 1)), record.Bad, 0, 1, `bundle "0123456789ab"`},
		{"too little of a digest", pods(1, strings.Replace(right, hex[:12], hex[:6], 1)), record.Bad, 0, 1, "bundle"},
		{"no label", pods(1, `"encoder":"v4","model":"11"`), record.Bad, 0, 1, `bundle ""`},
		{"no pod", empty(), record.Unknown, 0, 0, "no pod of v1 says"},
		{"a partial answer", partial(1), record.Unknown, 0, 0, "partial"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ranker(t)
			w.rb.Verification.Pairing = &runbook.Pairing{Metric: "model_bundle_info", Bundle: "bundle", Encoder: "encoder", Model: "model"}
			ask, err := rules.Ask(w.rb)
			if err != nil {
				t.Fatal(err)
			}
			expr, ok := ask.Pairing(w.rel, runbook.Stable)
			if !ok || !strings.Contains(expr.String(), `version="v1"`) {
				t.Fatalf("the question is %s", expr)
			}
			p := prometheusOf(t, map[string]served{expr.String(): c.answer}).client(t, 0)
			a, ok := p.Pairing(t.Context(), ask, w.rb.Verification.Pairing, w.rel, runbook.Stable, bundle)
			if !ok || a.Health != c.want || a.Value != c.good || a.Samples != c.of || a.Question != "pairing v1" {
				t.Errorf("got %+v", a)
			}
			contains(t, a.Text, c.phrase)
		})
	}
}

// pods answers with n pods for each set of labels.
func pods(n int, labels ...string) served {
	return func(w http.ResponseWriter, r *http.Request) {
		var series []string
		for _, l := range labels {
			series = append(series, fmt.Sprintf(`{"metric":{%s},"value":[%f,"%d"]}`, l, moment(r), n))
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, strings.Join(series, ","))
	}
}
