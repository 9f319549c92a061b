package gameday

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// pods is a Prometheus that knows what the pods of each version say they serve.
type pods struct {
	mu   sync.Mutex
	says map[string]map[string]int // version, bundle, pods
}

func (p *pods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var result []string
	for version, bundles := range p.says {
		if q := r.FormValue("query"); !strings.Contains(q, "count by (bundle) (model_bundle_info{") || !strings.Contains(q, `"`+version+`"`) {
			continue
		}
		for bundle, n := range bundles {
			result = append(result, fmt.Sprintf(`{"metric":{"bundle":%q,"autorollback_question":"0"},"value":[%d,"%d"]}`, bundle, time.Now().Unix(), n))
		}
	}
	fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, strings.Join(result, ","))
}

// What the pods say of the pairs they serve is counted where the runbook says how they
// tell it; what nobody answers is not measured, and neither passes nor fails.
func TestStagingCountsPairs(t *testing.T) {
	s, h := newStaging(t)
	s.Runbook.Verification.Pairing = &runbook.Pairing{Metric: "model_bundle_info", Bundle: "bundle"}
	bundles := map[string]runbook.Bundle{"v1": {Features: runbook.Features{Encoder: "v4"}}, "v2": {Features: runbook.Features{Encoder: "v5"}}}
	for version, b := range bundles {
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Store.Commit(t.Context(), store.NewTx(store.Op{Verb: store.Set, Key: store.BundleKey(b.Digest()), Value: text})); err != nil {
			t.Fatal(err)
		}
		if version == "v1" {
			h.release.Stable.Bundle = b.Digest()
		} else {
			h.release.Candidate.Bundle = b.Digest()
		}
	}
	prom := &pods{says: map[string]map[string]int{}}
	server := httptest.NewServer(prom)
	defer server.Close()
	client, err := promapi.New(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Prometheus = client
	if _, err := s.Prepare(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	one, two := bundles["v1"].Digest(), bundles["v2"].Digest()
	for _, look := range []struct {
		name  string
		says  map[string]map[string]int
		mixed int64
		text  string
		box   string
	}{
		{"nobody tells", nil, Uncounted, "no pod of v", "-"},
		{"one side tells", map[string]map[string]int{"v1": {one: 3}}, Uncounted, "no pod of v2 says what it serves", "-"},
		{"all well", map[string]map[string]int{"v1": {one: 3}, "v2": {two[:20]: 2}}, 0, "every pod told of its own bundle in all 3 answers of Prometheus to 6 questions", "x"},
		{"two mixed pods", map[string]map[string]int{"v1": {one: 3}, "v2": {two: 1, one: 2}}, 2, "served another pair 2 times in 5 answers of Prometheus; the last time: 2 of 3 pods of v2", " "},
		{"well again, and it was", map[string]map[string]int{"v1": {one: 3}, "v2": {two: 3}}, 2, "2 times in 7 answers", " "},
	} {
		prom.mu.Lock()
		prom.says = look.says
		prom.mu.Unlock()
		s.pairs(t.Context())
		mixed, text := s.paired.say(s)
		if mixed != look.mixed || !strings.Contains(text, look.text) {
			t.Errorf("%s: %d, %s; want %d, %s", look.name, mixed, text, look.mixed, look.text)
		}
		g := played()
		g.Mixed, g.Pairs = mixed, text
		score := ScoreOf(g)
		c := score.Checks[len(score.Checks)-1]
		if c.Box() != look.box || score.OK != (look.box != " ") || look.box == "-" && (!strings.Contains(c.Says, "not measured: ") || score.Passed != score.Measured() || score.Measured() != len(score.Checks)-1) {
			t.Errorf("%s: %+v, passed %v, %d of %d", look.name, c, score.OK, score.Passed, score.Measured())
		}
	}
}
