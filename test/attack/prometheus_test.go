package attack

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
)

// between stands in front of a Prometheus, and gives every answer itself once it has one.
type between struct {
	*httptest.Server
	answer  atomic.Pointer[string]
	answers atomic.Int64
}

func newBetween(t *testing.T, prometheus string) *between {
	t.Helper()
	to, err := url.Parse(prometheus)
	if err != nil {
		t.Fatal(err)
	}
	b, real := &between{}, httputil.NewSingleHostReverseProxy(to)
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := b.answer.Load(); text != nil {
			b.answers.Add(1)
			_, _ = io.WriteString(w, *text)
			return
		}
		real.ServeHTTP(w, r)
	}))
	t.Cleanup(b.Close)
	return b
}

// filled is head and tail, and between them as many of one as an answer may be long.
func filled(head, one, tail string) string {
	const most = 31 << 20
	return head + strings.TrimSuffix(strings.Repeat(one, (most-len(head)-len(tail))/len(one)), ",") + tail
}

// A Prometheus that answers everything as long as it may, with a release open, fills no memory
// and keeps nobody out.
func TestHostilePrometheus(t *testing.T) {
	sim.Bulk(t)
	real := servers.Prometheus(t, "global: {scrape_interval: 1m}\n", nil)
	vector, matrix := `{"status":"success","data":{"resultType":"vector","result":[`, `{"status":"success","data":{"resultType":"matrix","result":[`
	table := "\nPrometheus answers | resident | scrape | sign-in | webhook\n"
	for name, text := range map[string]string{
		"31 MB of empty series":  filled(vector, "{},", "]}}"),
		"31 MB of one label set": filled(vector+`{"metric":{`, `"":"",`, `},"value":[1,"1"]}]}}`),
		"31 MB of samples":       filled(matrix+`{"metric":{},"values":[`, `[1700000000,"1"],`, `]}]}}`),
		"31 MB of good series":   filled(matrix, `{"metric":{"version":"v1","instance":"a","job":"b","le":"+Inf"},"values":[`+strings.TrimSuffix(strings.Repeat(`[1700000000,"1"],`, 40), ",")+`]},`, `]}}`),
		"31 MB of brackets":      filled(`{"status":"success","data":{"result":`, "[", ""),
		"31 MB of rules":         filled(`{"status":"success","data":{"groups":[{"name":"a","rules":[`, "{},", `]}]}}`),
	} {
		t.Run(name, func(t *testing.T) {
			prometheus := newBetween(t, real.URL)
			d := start(t, prometheus.URL)
			client := api.Client{URL: "http://" + d.web, HTTP: &http.Client{Transport: asDemo{}, Timeout: patience}}
			if _, err := client.Start(t.Context(), demo.Release); err != nil {
				t.Fatal(err)
			}
			all, err := d.during(t.Context(), func() error {
				prometheus.answer.Store(&text)
				return prometheus.await(t, int64(sim.Size(200, 8, 0)))
			})
			if err != nil {
				t.Error(err)
			}
			table += d.row(name, all)
		})
	}
	t.Log(table)
}

// await returns once that many answers were given.
func (b *between) await(t *testing.T, n int64) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); b.answers.Load() < n; {
		if time.Since(began) > patience {
			return fmt.Errorf("Prometheus was asked %d times, want %d", b.answers.Load(), n)
		}
		select {
		case <-t.Context().Done():
			return t.Context().Err()
		case <-tick.C:
		}
	}
	return nil
}

type asDemo struct{}

func (asDemo) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	signIn(r)
	return http.DefaultTransport.RoundTrip(r)
}
