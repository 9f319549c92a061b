package rules_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

func canary(t *testing.T) []rules.Group {
	t.Helper()
	g, err := rules.Compile(canaryRunbook(t))
	if err != nil {
		t.Fatal(err)
	}
	return []rules.Group{g}
}

func canaryRunbook(t *testing.T) *runbook.Runbook {
	t.Helper()
	rb, err := runbook.Load(filepath.Join("testdata", "canary.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	rb.Metrics.Interval = runbook.Duration(time.Second)
	return rb
}

func write(t *testing.T, name string, text []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPromtoolAcceptsTheRules(t *testing.T) {
	text, err := rules.Marshal(canary(t))
	path := write(t, "rules.yml", text, err)
	out, err := exec.CommandContext(t.Context(), servers.Promtool(t), "check", "rules", "--lint=all", "--lint-fatal", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "SUCCESS") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestAmtoolAcceptsTheRoute(t *testing.T) {
	text, err := rules.Route("https://autorollback.example.com:8443/v1/alertmanager", "/etc/alertmanager/autorollback.token")
	path := write(t, "alertmanager.yml", text, err)
	amtool := servers.Amtool(t)
	if out, err := exec.CommandContext(t.Context(), amtool, "check-config", path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for labels, want := range map[string]string{
		`autorollback=true trigger=error-rate severity=severe`: "autorollback,humans",
		`autorollback=true trigger=watchdog severity=none`:     "autorollback,nobody",
		`alertname=Theirs`: "humans",
	} {
		args := append([]string{"config", "routes", "test", "--config.file=" + path}, strings.Fields(labels)...)
		out, err := exec.CommandContext(t.Context(), amtool, args...).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%s is routed to %q, want %q: %v", labels, strings.TrimSpace(string(out)), want, err)
		}
	}
}

func TestPrometheusLoadsAndEvaluatesTheRules(t *testing.T) {
	want := canary(t)
	text, err := rules.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	server := servers.Prometheus(t, "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\n", map[string]string{"rules.yml": string(text)})
	prom, err := promapi.New(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	await(t, canaryRunbook(t), prom, func(drifts []rules.Drift) bool { return len(drifts) == 0 })

	server.Write("rules.yml", strings.Replace(string(text), " 0.05\n", " 0.5\n", 1))
	if err := server.Reload(); err != nil {
		t.Fatal(err)
	}
	await(t, canaryRunbook(t), prom, func(drifts []rules.Drift) bool {
		return len(drifts) == 1 && drifts[0].Kind == rules.Edited && drifts[0].Trigger == "error-rate"
	})
}

// await polls until the drifts are as they should be.
func await(t *testing.T, rb *runbook.Runbook, prom rules.API, ok func([]rules.Drift) bool) {
	t.Helper()
	var last []rules.Drift
	verifier := &rules.Verifier{}
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		drifts, err := verifier.Live(t.Context(), []*runbook.Runbook{rb}, prom)
		if err != nil {
			t.Fatal(err)
		}
		if ok(drifts) {
			return
		}
		last = drifts
		select {
		case <-time.After(200 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
	t.Fatalf("drifts: %v", last)
}
