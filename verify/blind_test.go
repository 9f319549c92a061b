package verify_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/verify"
)

// TestMain lets more tests run at once than there are cores: most wait for a deadline.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// A blindness is one way in which Prometheus does not tell the truth.
type blindness struct {
	name   string
	answer served
	state  record.State // what a breach comes to if its guards are hit
	says   string
}

// The kinds that any single query can show. A stale answer is a matter of the age, and
// a Prometheus that is down one of the whole server: they have tests of their own.
func blindnesses() []blindness {
	return []blindness{
		{"connection lost", hangUp(), record.Unreachable, "EOF"},
		{"5xx", status(503, "overloaded"), record.Unreachable, "server error: 503"},
		{slow, silent(), record.Unreachable, "no answer within"},
		{"no access", status(403, "wrong tenant"), record.Unreachable, "client error: 403"},
		{"a login page", status(200, "<html>log in</html>"), record.Unreachable, "bad_response"},
		{"4xx", status(400, badQuery), record.NoData, "unknown function"},
		{"cannot be evaluated", status(422, `{"status":"error","errorType":"execution","error":"many-to-many"}`), record.NoData, "many-to-many"},
		{"NaN", vector("NaN"), record.NoData, "NaN"},
		{"infinite", vector("+Inf"), record.NoData, "Inf"},
		{"partial", partial(1), record.NoData, "store 2 did not answer"},
		{"clock behind", shifted(-31*time.Second, "1"), record.NoData, "clock"},
		{"clock ahead", shifted(31*time.Second, "1"), record.NoData, "clock"},
		{"many series", vector("1", "1"), record.NoData, "more than one series"},
		{"a string", status(200, `{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`), record.Unreachable, ""},
		{"a matrix", status(200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`), record.NoData, "matrix"},
		{"a histogram", histogram(), record.NoData, "histogram"},
		{"nothing at all", status(200, `{"status":"success"}`), record.Unreachable, ""},
	}
}

// patience is the deadline to ask with: only who waits for its end wants it short.
func (b blindness) patience() time.Duration {
	if b.name == slow {
		return 2 * time.Second // and time for all to be asked, on a machine under load
	}
	return 20 * time.Second
}

// ofOne reports whether the kind strikes one question and not the whole query.
func (b blindness) ofOne() bool {
	return b.state == record.NoData && b.name != "partial" && b.name != "a matrix"
}

const slow = "slow"

type world struct {
	rb    *runbook.Runbook
	q     rules.Questions
	rel   record.Release
	table map[string]served
}

func ranker(t *testing.T) world {
	t.Helper()
	rb, err := runbook.Load("testdata/ranker.yaml")
	if err != nil {
		t.Fatal(err)
	}
	q, err := rules.Ask(rb)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	return world{rb: rb, q: q, table: map[string]served{}, rel: record.Release{
		Schema: 1, ID: "ranker-42", Service: "ranker", Region: runbook.DefaultRegion, Phase: record.Open,
		Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"},
		Weight: 10, StartedAt: now.Add(-time.Hour), WeightChangedAt: now.Add(-10*time.Minute - time.Second),
	}}
}

func (w world) trigger(t *testing.T, name string) runbook.Trigger {
	t.Helper()
	trigger, ok := w.rb.Trigger(name)
	if !ok {
		t.Fatalf("no trigger %s", name)
	}
	return trigger
}

// finite fails if a record cannot be stored: JSON has no NaN and no infinity.
func finite(t *testing.T, record any) {
	t.Helper()
	if _, err := json.Marshal(record); err != nil {
		t.Errorf("cannot be stored: %v", err)
	}
}

func down(t *testing.T) *verify.Prometheus {
	t.Helper()
	a := prometheusOf(t, nil)
	a.Close()
	return a.client(t, 20*time.Second)
}

func contains(t *testing.T, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("%q does not say %q", text, want)
	}
}
