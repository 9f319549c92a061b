package verify_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/verify"
)

// A served answer is what the fake Prometheus says to one expression.
type served func(w http.ResponseWriter, r *http.Request)

// asked is a Prometheus that answers from a table. It fails the test if it is asked
// for anything else, or never asked for something.
type asked struct {
	*httptest.Server
	tb    testing.TB
	table map[string]served

	mu   sync.Mutex
	came map[string][]string // expression to the moments asked for
}

func prometheusOf(tb testing.TB, table map[string]served) *asked {
	tb.Helper()
	a := &asked{tb: tb, table: table, came: map[string][]string{}}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	tb.Cleanup(func() {
		a.Close()
		a.mu.Lock()
		defer a.mu.Unlock()
		for expr := range table {
			if len(a.came[expr]) == 0 {
				tb.Errorf("never asked: %s", expr)
			}
		}
	})
	return a
}

func (a *asked) serve(w http.ResponseWriter, r *http.Request) {
	query := r.FormValue("query")
	parts := joined.FindAllStringSubmatch(query, -1)
	if len(parts) == 0 {
		a.answerTo(query, r)(w, r)
		return
	}
	answers := make([]served, len(parts))
	for i, part := range parts { // all have been asked, whatever the first one comes to
		answers[i] = a.answerTo(part[1], r)
	}
	together := reply{Status: "success", Data: result{Type: "vector"}}
	for i, part := range parts {
		rec := httptest.NewRecorder()
		answers[i](rec, r)
		var one reply
		if rec.Code != http.StatusOK || json.Unmarshal(rec.Body.Bytes(), &one) != nil || one.Data.Type != "vector" {
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
			return
		}
		together.Warnings = append(together.Warnings, one.Warnings...)
		for _, series := range one.Data.Result {
			series.(map[string]any)["metric"].(map[string]any)["autorollback_question"] = part[2]
			together.Data.Result = append(together.Data.Result, series)
		}
	}
	if together.Data.Result == nil {
		together.Data.Result = []any{}
	}
	_ = json.NewEncoder(w).Encode(together)
}

// joined is one of several questions asked with one query, as a real Prometheus would
// take it apart; that it does is shown by the tests with a real one.
var joined = regexp.MustCompile(`(?s)label_replace\(\n(.*?)\n, "autorollback_question", "(\d+)", "", ""\)`)

type reply struct {
	Status   string   `json:"status"`
	Warnings []string `json:"warnings,omitempty"`
	Data     result   `json:"data"`
}

type result struct {
	Type   string `json:"resultType"`
	Result []any  `json:"result"`
}

func (a *asked) answerTo(expr string, r *http.Request) served {
	a.mu.Lock()
	a.came[expr] = append(a.came[expr], r.FormValue("time"))
	a.mu.Unlock()
	answer, ok := a.table[expr]
	if !ok {
		a.tb.Errorf("asked for something not in the table: %s", expr)
		return status(http.StatusTeapot, "")
	}
	return answer
}

func (a *asked) client(tb testing.TB, timeout time.Duration) *verify.Prometheus {
	tb.Helper()
	if timeout == 0 {
		timeout = 20 * time.Second // a machine may be busy
	}
	return verifierOf(tb, a.URL, timeout)
}

// verifierOf asks the Prometheus at an address.
func verifierOf(tb testing.TB, address string, timeout time.Duration) *verify.Prometheus {
	tb.Helper()
	client, err := promapi.New(address, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return verify.New(client, timeout)
}

// moment is the time a query asks for, or now.
func moment(r *http.Request) float64 {
	var at float64
	if _, err := fmt.Sscan(r.FormValue("time"), &at); err == nil {
		return at
	}
	return float64(time.Now().UnixMilli()) / 1000
}

// vector answers with one series for each value, e.g. "0.5", "NaN", "+Inf".
func vector(values ...string) served { return shifted(0, values...) }

func number(v float64) served { return vector(fmt.Sprint(v)) }

// shifted answers from a clock that is off.
func shifted(off time.Duration, values ...string) served {
	return func(w http.ResponseWriter, r *http.Request) {
		var series []string
		for i, v := range values {
			series = append(series, fmt.Sprintf(`{"metric":{"n":"%d"},"value":[%f,%q]}`, i, moment(r)+off.Seconds(), v))
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, strings.Join(series, ","))
	}
}

func empty() served { return vector() }

// partial answers with a number and the warning that something is missing.
func partial(v float64) served {
	return func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"status":"success","warnings":["store 2 did not answer"],"data":{"resultType":"vector","result":[{"metric":{},"value":[%f,"%v"]}]}}`, moment(r), v)
	}
}

func histogram() served {
	return func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[%f,{"count":"1","sum":"1"}]}]}}`, moment(r))
	}
}

func status(code int, body string) served {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

// silent does not answer until the client goes away.
func silent() served {
	return func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
}

// hangUp breaks the connection.
func hangUp() served {
	return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
}

const badQuery = `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": unknown function"}`
