package servers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

const watchApp = `
global: {scrape_interval: 100ms, evaluation_interval: 100ms}
rule_files: [alerts.yml]
scrape_configs: [{job_name: app, static_configs: [{targets: [%q]}]}]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
`

const brokenRule = `
groups: [{name: app, rules: [{alert: Broken, expr: app_broken == 1}]}]
`

// The whole loop in which autorollback stands, with an app that breaks.
func TestBreachReachesWebhook(t *testing.T) {
	t.Parallel()
	var broken atomic.Int64
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "app_broken %d\n", broken.Load())
	}))
	t.Cleanup(app.Close)
	hook := newHook(t)
	am := Alertmanager(t, fmt.Sprintf(oneWebhook, hook.URL))
	prom := Prometheus(t, fmt.Sprintf(watchApp, app.Listener.Addr(), am.Addr), map[string]string{"alerts.yml": brokenRule})
	eventually(t, prom.URL+"/api/v1/query?query=app_broken", `"0"`)
	broken.Store(1)
	if body := <-hook.bodies; !strings.Contains(body, "Broken") {
		t.Errorf("the webhook got %s, want the alert", body)
	}
}
