package program

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
)

// A Prometheus that has loaded no rule differs from the runbook: exit code 3, and no error.
func TestRulesVerifyAsksPrometheus(t *testing.T) {
	prom := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/rules" {
			fmt.Fprint(w, `{"status":"success","data":{"groups":[]}}`)
			return
		}
		fmt.Fprint(w, `{"status":"success","data":{"activeTargets":[],"droppedTargets":[]}}`)
	}))
	defer prom.Close()
	path := filepath.Join(t.TempDir(), "ranker.yaml")
	if err := os.WriteFile(path, []byte(limited), 0o600); err != nil {
		t.Fatal(err)
	}
	got, code := planned(t, "rules", "verify", path, "--prometheus.url", prom.URL)
	if code != cli.ExitWanting || !strings.Contains(got, "users-see-errors") {
		t.Errorf("exit code %d: %s", code, got)
	}
}
