package engine

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/verify"
)

// served answers stored predictions without a network.
type served func(body string) (int, string)

func (f served) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	code, text := f(string(body))
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

func predictions(url string) *runbook.Golden {
	return &runbook.Golden{URL: url, Tolerance: 0.01, Timeout: runbook.Duration(time.Second), Ignore: []string{"trace"}, Cases: []runbook.GoldenCase{
		{Name: "a user", Version: "v1", Request: `{"user":1}`, Answer: `{"score":0.5,"trace":"x"}`},
		{Name: "of v2", Version: "v2", Request: `{"user":1}`, Answer: `{"score":0.9}`},
	}}
}

// After a rollback the stored predictions and the flags are asked like the levels are:
// what is bad there is not recovered, and each result stands in the incident.
func TestChecksAfterARollback(t *testing.T) {
	well := func(string) (int, string) { return 200, `{"score":0.501,"trace":"y"}` }
	for _, c := range []struct {
		name    string
		serve   served
		meddle  func(t *testing.T, st store.Store)
		outcome record.Outcome
		want    map[string]record.Health
		text    string
	}{
		{"all is as stored", well, nil, record.Recovered, map[string]record.Health{"golden predictions v1": record.Good, "flags": record.Good}, "all 1 stored predictions of v1 are answered as stored"},
		{"another model answers", func(string) (int, string) { return 200, `{"score":0.9}` }, nil, record.NotRecovered,
			map[string]record.Health{"golden predictions v1": record.Bad, "flags": record.Good, "error rate": record.Good}, `"a user" differs in score`},
		{"the model refuses", func(string) (int, string) { return 500, "" }, nil, record.NotRecovered, map[string]record.Health{"golden predictions v1": record.Bad}, "Internal Server Error"},
		{"somebody switched a flag back and paused us", well, func(t *testing.T, st store.Store) {
			must(t, put(st, store.ControlKey, "paused"))
			switchOn(t, st)
		}, record.NotRecovered, map[string]record.Health{"golden predictions v1": record.Good, "flags": record.Bad}, flagsKey},
		{"somebody switched a flag back", well, switchOn, record.Recovered, map[string]record.Health{"flags": record.Good}, "the flags of v1 and v2 match their bundles"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, st, f := solo(t, func(p *Parts) { p.Client = &http.Client{Transport: c.serve} })
				e.services["ranker"].rb.Verification.Golden = predictions("http://ranker/predict")
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error)
				// Before anybody asks: the watcher's answer counts for the alerts of that second too.
				f.set(func(f *facts) { f.breaking["errors"], f.traffic = true, 0 })
				go func() { done <- e.Run(ctx) }()
				must(t, hears(t, e, record.Alert{Service: "ranker", Trigger: "errors", Firing: true, Source: record.Webhook, StartsAt: time.Now()}))
				if c.meddle != nil {
					c.meddle(t, st)
				}
				time.Sleep(15 * time.Minute)
				stop()
				must(t, <-done)
				inc := incidentOf(t, st)
				if inc.Verdict == nil || inc.Verdict.Outcome != c.outcome || !strings.Contains(inc.Verdict.Reason, c.text) {
					t.Fatalf("verdict %+v, want %s for %q", inc.Verdict, c.outcome, c.text)
				}
				got := map[string]record.Health{}
				for _, a := range inc.Verdict.Answers {
					got[a.Question] = a.Health
				}
				for question, health := range c.want {
					if got[question] != health {
						t.Errorf("%s is %q, want %s; all: %v", question, got[question], health, got)
					}
				}
				if got[verify.GoldenQuestion+" v2"] != "" {
					t.Error("the route was asked what v2 would answer")
				}
			})
		})
	}
}
