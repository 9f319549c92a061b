package program

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	templates "github.com/autorollback/autorollback/runbook-templates"
)

// planFile is a runbook from the canary template, changed pair by pair.
func planFile(t *testing.T, changes ...string) string {
	t.Helper()
	text, err := templates.New("canary", "ranker")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ranker.yaml")
	if err := os.WriteFile(path, []byte(strings.NewReplacer(changes...).Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func planned(t *testing.T, args ...string) (string, int) {
	t.Helper()
	var out, errs bytes.Buffer
	err := run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return out.String() + fmt.Sprint(err), cli.ExitCode(err)
}

func TestRulesPlan(t *testing.T) {
	sick, sound := planFile(t), planFile(t, "drop: 2%", "drop: 10%")
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"a trigger that never fires": {[]string{sick, "--rate", "10"}, cli.ExitWanting, "ERROR: cannot fire for the effect it names"},
		"all can fire":               {[]string{sound, "--rate", "2000", "--p95", "225ms", "--kpi-rate", "conversion=10%"}, cli.ExitOK, "It decides from the first step on."},
		"no rate":                    {[]string{sick}, cli.ExitUsage, "say how much traffic"},
		"negative rate":              {[]string{sick, "--rate=-1"}, cli.ExitUsage, "not negative"},
		"bad steps":                  {[]string{sick, "--rate", "10", "--steps", "5,1"}, cli.ExitUsage, "weights ascend"},
		"begins at 0.1%":             {[]string{sound, "--rate", "2000", "--steps", "0.1,1,5,25,50,100"}, cli.ExitOK, " 0.1% for 10m "},
		"finer than hundredths":      {[]string{sick, "--rate", "10", "--steps", "0.001,1"}, cli.ExitUsage, "0.001 is finer than a hundredth of a percent"},
		"bad duration":               {[]string{sick, "--rate", "10", "--step-duration", "10"}, cli.ExitUsage, "has no unit"},
		"bad ratio":                  {[]string{sick, "--rate", "10", "--error-rate", "5"}, cli.ExitUsage, "write 5%"},
		"unknown KPI":                {[]string{sick, "--rate", "10", "--kpi-rate", "revenue=3%"}, cli.ExitUsage, `no KPI "revenue"`},
		"P50 above P95":              {[]string{sick, "--rate", "10", "--p50", "1s", "--p95", "1s"}, cli.ExitUsage, "not below"},
		"dispersion below 1":         {[]string{sick, "--rate", "10", "--dispersion", "0.5"}, cli.ExitUsage, "dispersion is 1 or more"},
	} {
		t.Run(name, func(t *testing.T) {
			got, code := planned(t, append([]string{"rules", "plan"}, c.args...)...)
			if code != c.code || !strings.Contains(got, c.want) {
				t.Errorf("exit %d, want %d with %q:\n%s", code, c.code, c.want, got)
			}
		})
	}
}

func TestRulesPlanAsJSON(t *testing.T) {
	var out bytes.Buffer
	err := run(t.Context(), []string{"rules", "plan", planFile(t), "--rate", "10", "-o", "json"}, strings.NewReader(""), &out, &out)
	var plan struct {
		Triggers []struct {
			Trigger, Error string
			Cells          []struct {
				Weight      int
				State, Need string
			}
		}
	}
	if jsonErr := json.Unmarshal(out.Bytes(), &plan); jsonErr != nil || cli.ExitCode(err) != cli.ExitWanting {
		t.Fatalf("%v, %v: %s", err, jsonErr, out.String())
	}
	if c := plan.Triggers[1].Cells[2]; plan.Triggers[1].Trigger != "error-rate" || c.Weight != 25 || c.State != "decides" || c.Need == "" {
		t.Errorf("%+v", plan.Triggers[1])
	}
	if c := plan.Triggers[1].Cells[4]; c.State != "never" || c.Need != "" {
		t.Errorf("%+v", c)
	}
}

func TestRunbookCheckShowsThePlan(t *testing.T) {
	file := planFile(t)
	without, code := planned(t, "runbook", "check", file)
	if strings.Contains(without, "TRIGGER") {
		t.Errorf("a plan without traffic, exit %d: %s", code, without)
	}
	with, code := planned(t, "runbook", "check", file, "--traffic", "10")
	if code != cli.ExitWanting || !strings.Contains(with, "TRIGGER") || !strings.Contains(with, "[x] clear thresholds") {
		t.Errorf("exit %d: %s", code, with)
	}
}

func TestRulesPlanAsksPrometheus(t *testing.T) {
	prom := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		value := "0.01"
		switch q := r.FormValue("query"); {
		case strings.HasPrefix(q, "sum(increase(") && strings.Contains(q, "/ clamp("):
			value = "123"
		case strings.HasPrefix(strings.Join(strings.Fields(q), ""), "clamp(time()"): // however it is laid out
			value = "600"
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,%q]}]}}`, value)
	}))
	defer prom.Close()
	login := filepath.Join(t.TempDir(), "http.yml")
	if err := os.WriteFile(login, []byte("basic_auth: {username: ann, password: secret}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, code := planned(t, "rules", "plan", planFile(t), "--rate-from", prom.URL); code != cli.ExitError {
		t.Errorf("without a name: exit %d: %s", code, got)
	}
	got, code := planned(t, "rules", "plan", planFile(t), "--rate-from", prom.URL, "--prometheus.http-config-file", login, "--p95", "225ms", "--p50", "100ms", "--scrape-interval", "15s", "--stable-pods", "5")
	if code != cli.ExitWanting || !strings.Contains(got, "123 requests/s (Prometheus, of 10m), error rate 1% (Prometheus, of 10m), P50 100ms (flag)") {
		t.Errorf("exit %d: %s", code, got)
	}
	prom.Close()
	if got, code := planned(t, "rules", "plan", planFile(t), "--rate-from", prom.URL); code != cli.ExitError {
		t.Errorf("exit %d: %s", code, got)
	}
}
