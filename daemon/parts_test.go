package daemon

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/regions"
	"github.com/autorollback/autorollback/report"
)

// The file in Prometheus' form brings a tenant's header and a token to Prometheus and to the
// Alertmanagers.
func TestHeadersOfTheHTTPConfigFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "http.yml")
	text := "authorization: {credentials: secret}\nhttp_headers:\n  X-Scope-OrgID: {values: [ranking]}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Scope-OrgID") == "ranking" && r.Header.Get("Authorization") == "Bearer secret" {
			asked = append(asked, r.URL.Path)
		}
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[]}}`))
	}))
	defer srv.Close()
	prom, err := OpenPrometheus("--prometheus.url", srv.URL, file)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := prom.Query(t.Context(), "up", time.Time{}); err != nil {
		t.Error(err)
	}
	d := &Daemon{log: zap.NewNop(), set: regions.New(regions.NewStores(), nil, nil, zap.NewNop())}
	d.cfg.Messages.AlertmanagerHTTP = file
	post, err := d.newPost(prometheus.NewRegistry(), report.Keyring{}, "http://localhost", srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := post.Send(t.Context(), "alertmanager", record.Message{ID: "m", Kind: "blind", Service: "ranker", CreatedAt: time.Now()}); err != nil {
		t.Error(err)
	}
	if len(asked) != 2 || asked[0] != "/api/v1/query" || asked[1] != "/api/v2/alerts" {
		t.Errorf("came with the headers: %v", asked)
	}
	d.cfg.Messages.AlertmanagerHTTP = file + ".none"
	if _, err := d.newPost(prometheus.NewRegistry(), report.Keyring{}, "", srv.URL); err == nil {
		t.Error("a file that is not there is no error")
	}
}
