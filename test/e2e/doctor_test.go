package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A mistake is one change to a whole installation, and what doctor says first because of it.
type mistake struct {
	name  string
	make  func(*clinic)
	first string // part
	what  string // of its text
	fix   string
}

var mistakes = []mistake{
	{"the receiver's token is another one", func(c *clinic) {
		c.s.write("other.token", "of-another-installation-0123456789abcdef")
		c.route("receiver.token", "other.token")
	}, "receiver", "401, a valid bearer token is needed", "--receiver.token-file"},
	{"no bearer token at all", func(c *clinic) {
		c.route(fmt.Sprintf("authorization:\n        type: Bearer\n        credentials_file: %q\n", c.token), "")
	}, "alertmanager", "it sends no bearer token", "credentials_file"},
	{"no route", func(c *clinic) {
		c.route(`['autorollback="true"']`+"\n    receiver: autorollback", `['team="ml"']`+"\n    receiver: autorollback")
	},
		"alertmanager", "no route sends alerts", "rules generate runbooks/ --alertmanager-file"},
	{"group_wait", func(c *clinic) { c.route("group_wait: 0s", "group_wait: 30s") }, "alertmanager", "group_wait is 30s", "group_wait: 0s"},
	{"group_by", func(c *clinic) { c.route("group_by: ['...']", "group_by: [service]") }, "alertmanager", "group_by service", "['...']"},
	{"max_alerts", func(c *clinic) { c.route("max_alerts: 0", "max_alerts: 1") }, "alertmanager", "max_alerts is 1", "max_alerts: 0"},
	{"redirects", func(c *clinic) { c.route("follow_redirects: false", "follow_redirects: true") }, "alertmanager", "follows redirects", "follow_redirects: false"},
	{"no Alertmanager in Prometheus", func(c *clinic) {
		c.scrape(fmt.Sprintf(`alerting: {alertmanagers: [{static_configs: [{targets: ["%s"]}]}]}`, c.s.ams[0].Addr), "")
	}, "alertmanager", "no Alertmanager", "alerting.alertmanagers"},
	{"a target label service", func(c *clinic) { c.scrape(c.target, "{labels: {service: monitoring}, "+c.target[1:]) },
		"prometheus", "exported_service", "honor_labels: true"},
	{"the daemon is not scraped", func(c *clinic) { c.scrape("- {job_name: autorollback", "# {job_name: autorollback") }, "prometheus", "scrape", "scrape the daemon"},
	{"scraped seldom", func(c *clinic) {
		c.scrape("{job_name: autorollback, ", "{job_name: autorollback, scrape_interval: 15s, ")
	},
		"prometheus", "every 15s", "scrape_interval: 5s"},
	{"an external label region", func(c *clinic) { c.scrape("global: {", "global: {external_labels: {region: eu}, ") }, "prometheus", `region="eu"`, "alert_relabel_configs"},
	{"a silence", (*clinic).silence, "alertmanager", `a silence by ann ("a deploy")`, "control set paused"},
	{"rules not loaded", func(c *clinic) { c.scrape("rule_files: [rules.yml]", "rule_files: []") }, "rules", "", "rules generate"},
	{"rules edited", func(c *clinic) { c.s.loadRules(edit(c.s.t, c.rules, " 0.05\n", " 0.04\n")) }, "rules", "the expression differs", ""},
	{"a file in the place of the evidence folder", func(c *clinic) {
		must(c.s.t, os.Rename(c.evidence, c.evidence+".away"))
		must(c.s.t, os.WriteFile(c.evidence, nil, 0o600))
	}, "files", "not a directory", "--evidence.path"},
	{"everybody may read the token", func(c *clinic) { must(c.s.t, os.Chmod(c.token, 0o644)) }, "files", "receiver.token", "chmod 600"},
}

// doctor is clean on a whole installation, and names first each mistake that is made in it.
func TestDoctorNamesTheMistakeFirst(t *testing.T) {
	t.Parallel()
	c := openClinic(t)
	c.s.await("a clean bill", 15*time.Second, c.clean)
	c.fires(0, "")
	for _, m := range mistakes {
		began := time.Now()
		m.make(c)
		c.s.await(m.name+" to be named first", 30*time.Second, func() error { return c.named(m) })
		found := time.Since(began)
		if m.what == "401, a valid bearer token is needed" {
			c.fires(1, "the receiver refused a call")
		}
		c.mend()
		c.s.await(m.name+" to be mended", 30*time.Second, c.clean)
		t.Logf("%s: found within %s, clean again after %s", m.name, found.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	}
}

// A clinic is an installation in which mistakes are made, and how it was before.
type clinic struct {
	s                         *stack
	alertmanager, prom, rules string
	token, evidence, target   string
	silenced                  string // the silence's id
}

func openClinic(t *testing.T) *clinic {
	s := start(t, options{})
	c := &clinic{s: s, rules: s.ruleFile(), token: filepath.Join(s.dir, "receiver.token"), evidence: filepath.Join(s.dir, "evidence-replica-0")}
	// As generated, only quicker.
	c.alertmanager = s.route(s.daemons[0].hooks)
	for from, to := range map[string]string{
		"group_interval: 15s": "group_interval: 1s", "repeat_interval: 2m": "repeat_interval: 2s", "repeat_interval: 10s": "repeat_interval: 2s",
	} {
		c.alertmanager = edit(t, c.alertmanager, from, to)
	}
	text, err := os.ReadFile(s.prom.Path("prometheus.yml"))
	must(t, err)
	c.prom, c.target = string(text), fmt.Sprintf(`{targets: ["%s"]}`, s.daemons[0].web)
	c.mend()
	return c
}

// route changes Alertmanager's configuration.
func (c *clinic) route(from, to string) {
	c.s.t.Helper()
	must(c.s.t, c.s.ams[0].Configure(edit(c.s.t, c.alertmanager, from, to)))
}

// scrape changes that of Prometheus.
func (c *clinic) scrape(from, to string) {
	c.s.t.Helper()
	must(c.s.t, c.s.prom.Configure(edit(c.s.t, c.prom, from, to)))
}

// silence keeps back every alert of the service.
func (c *clinic) silence() {
	c.s.t.Helper()
	body := fmt.Sprintf(`{"matchers":[{"name":"service","value":"rank.*","isRegex":true}],"createdBy":"ann","comment":"a deploy","startsAt":%q,"endsAt":%q}`,
		time.Now().UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	resp, err := http.Post(c.s.ams[0].URL+"/api/v2/silences", "application/json", strings.NewReader(body))
	must(c.s.t, err)
	defer resp.Body.Close()
	var made struct{ SilenceID string }
	must(c.s.t, json.NewDecoder(resp.Body).Decode(&made))
	c.silenced = made.SilenceID
}

// expire ends the silence.
func (c *clinic) expire() {
	c.s.t.Helper()
	req, err := http.NewRequestWithContext(c.s.t.Context(), http.MethodDelete, c.s.ams[0].URL+"/api/v2/silence/"+c.silenced, nil)
	must(c.s.t, err)
	resp, err := http.DefaultClient.Do(req)
	must(c.s.t, err)
	resp.Body.Close()
	c.silenced = ""
}

// mend puts everything back.
func (c *clinic) mend() {
	c.s.t.Helper()
	if c.silenced != "" {
		c.expire()
	}
	if _, err := os.Stat(c.evidence + ".away"); err == nil {
		must(c.s.t, os.Remove(c.evidence))
		must(c.s.t, os.Rename(c.evidence+".away", c.evidence))
	}
	must(c.s.t, os.Chmod(c.token, 0o600))
	must(c.s.t, c.s.ams[0].Configure(c.alertmanager))
	c.s.prom.Write("rules.yml", c.rules)
	must(c.s.t, c.s.prom.Configure(c.prom))
}

func (c *clinic) clean() error {
	e, err := c.s.client().Examine(c.s.t.Context())
	if err != nil || e.Findings() > 0 {
		return fmt.Errorf("%d findings, %+v, %v", e.Findings(), e.Checks[:e.Findings()], err)
	}
	return nil
}

func (c *clinic) named(m mistake) error {
	e, err := c.s.client().Examine(c.s.t.Context())
	if err != nil {
		return err
	}
	first := e.Checks[0]
	if !first.State.Finding() || first.Part != m.first || !strings.Contains(first.What, m.what) || !strings.Contains(first.Fix, m.fix) {
		return fmt.Errorf("the first is %+v", first)
	}
	return nil
}

// fires sends a synthetic alert, which gets lost on so many legs.
func (c *clinic) fires(lost int, why string) {
	c.s.t.Helper()
	f, err := c.s.client().Fire(c.s.t.Context())
	must(c.s.t, err)
	if len(f.Legs) != 3 || f.Findings() != lost || !strings.Contains(f.Legs[2].What, why) {
		c.s.t.Errorf("the legs are %+v, want %d lost", f.Legs, lost)
	}
	if all, err := c.s.client().Incidents(c.s.t.Context()); err != nil || len(all) > 0 {
		c.s.t.Errorf("a synthetic alert is no breach: %v, %v", all, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
