package doctor

import (
	"strings"
	"testing"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/view"
)

const path = "/v1/alertmanager"

var (
	watchdog = model.LabelSet{"alertname": "AutorollbackWatchdog", "autorollback": "true", "trigger": "watchdog", "severity": "none"}
	breach   = model.LabelSet{"alertname": "AutorollbackRankerErrors", "autorollback": "true", "service": "ranker", "trigger": "errors", "severity": "severe"}
)

// generated is the route that rules generate writes, with changes made in it.
func generated(t *testing.T, changes ...string) string {
	t.Helper()
	out, err := rules.Route("http://127.0.0.1:9096"+path, "/etc/token")
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	for n := 0; n < len(changes); n += 2 {
		if !strings.Contains(text, changes[n]) {
			t.Fatalf("there is no %q in\n%s", changes[n], text)
		}
		text = strings.Replace(text, changes[n], changes[n+1], 1)
	}
	return text
}

// Each fault of a route is found, and named with what to write instead.
func TestRouteIsLinted(t *testing.T) {
	const matcher, url = `['autorollback="true"']` + "\n    receiver: autorollback", `url: "http://127.0.0.1:9096/v1/alertmanager"`
	for _, c := range []struct {
		name    string
		changes []string
		state   view.CheckState
		what    string
		fix     string
	}{
		{"as generated", nil, view.CheckOK, "sends each alert at once", ""},
		{"its address is hidden", []string{url, "url: <secret>"}, view.CheckOK, "to autorollback", ""},
		{"hidden, under another name", []string{url, "url: <secret>", "receiver: autorollback", "receiver: ml", "name: autorollback", "name: ml"}, view.CheckOK, "to ml", ""},
		{"old matchers", []string{`matchers: ['autorollback="true"']`, `match: {autorollback: "true"}`}, view.CheckOK, "", ""},
		{"old regular expressions", []string{`matchers: ['autorollback="true"']`, `match_re: {autorollback: "t.*"}`}, view.CheckOK, "", ""},
		{"unquoted matchers", []string{`['autorollback="true"']`, `[autorollback=true]`}, view.CheckOK, "", ""},
		{"the labels one by one", []string{"['...']", "[service, region, trigger, release, alertname]"}, view.CheckOK, "", ""},
		{"another address", []string{path + `"`, `/v1/other"`}, view.CheckOff, "no route", "rules generate"},
		{"no route", []string{matcher, `['team="ml"']` + "\n    receiver: autorollback"}, view.CheckOff, "no route", "rules generate"},
		{"a route above takes them", []string{"  routes:\n", "  routes:\n  - receiver: humans\n"}, view.CheckOff, "no route", "above your own"},
		{"a route above takes some", []string{"  routes:\n", "  routes:\n  - {receiver: humans, matchers: ['severity=\"severe\"']}\n"}, view.CheckDegraded, "errors of ranker", "above your own"},
		{"group_by", []string{"['...']", "[service, trigger]"}, view.CheckDegraded, "group_by service, trigger", "'...'"},
		{"no group_by", []string{"    group_by: ['...']", "    #"}, view.CheckDegraded, "group_by", "'...'"},
		{"group_wait", []string{"group_wait: 0s", "group_wait: 30s"}, view.CheckDegraded, "group_wait is 30s", "0s"},
		{"no group_wait", []string{"    group_wait: 0s", "    #"}, view.CheckDegraded, "group_wait is 30s", "0s"},
		{"group_interval", []string{"group_interval: 15s", "group_interval: 5m"}, view.CheckDegraded, "group_interval is 5m", "15s"},
		{"repeat_interval", []string{"    repeat_interval: 2m", "    #"}, view.CheckDegraded, "repeat_interval is 4h", "2m"},
		{"inherited", []string{"    group_wait: 0s", "    #", "route:\n", "route:\n  group_wait: 10s\n"}, view.CheckDegraded, "group_wait is 10s", "0s"},
		{"muted at night", []string{"    continue: true", "    mute_time_intervals: [night]\n    continue: true"}, view.CheckDegraded, "night", "leave out"},
		{"max_alerts", []string{"max_alerts: 0", "max_alerts: 1"}, view.CheckDegraded, "max_alerts is 1", "0"},
		{"send_resolved", []string{"send_resolved: true", "send_resolved: false"}, view.CheckDegraded, "send_resolved is false", "true"},
		{"no timeout", []string{"    timeout: 5s", "    #"}, view.CheckDegraded, "no timeout", "5s"},
		{"a long timeout", []string{"timeout: 5s", "timeout: 5m"}, view.CheckDegraded, "timeout is 5m", "5s"},
		{"a short timeout", []string{"timeout: 5s", "timeout: 1s"}, view.CheckDegraded, "timeout is 1s", "5s"},
		{"redirects", []string{"follow_redirects: false", "follow_redirects: true"}, view.CheckDegraded, "redirects", "false"},
		{"redirects by default", []string{"follow_redirects: false", "enable_http2: true"}, view.CheckDegraded, "redirects", "false"},
		{"no token", []string{"credentials_file: \"/etc/token\"", ""}, view.CheckOff, "no bearer token", "credentials_file"},
		{"a password", []string{"type: Bearer", "type: Basic"}, view.CheckOff, "no bearer token", "credentials_file"},
		{"a token in the file itself", []string{"credentials_file: \"/etc/token\"", "credentials: <secret>"}, view.CheckOK, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			parsed, err := parseConfig(generated(t, c.changes...))
			if err != nil {
				t.Fatal(err)
			}
			p := &patient{Doctor: &Doctor{ReceiverPath: path, Bearer: true}}
			found := p.lint("am:9093", parsed, []model.LabelSet{watchdog, breach})
			if len(found) != 1 {
				t.Fatalf("found %+v, want one", found)
			}
			if got := found[0]; got.State != c.state || got.Name != "am:9093" || !strings.Contains(got.What, c.what) || !strings.Contains(got.Fix, c.fix) {
				t.Errorf("found %+v, want %s, %q, %q", got, c.state, c.what, c.fix)
			}
		})
	}
}

// A webhook of people with a hidden address is not taken for ours.
func TestAnotherWebhookIsNotLinted(t *testing.T) {
	parsed, err := parseConfig(generated(t, `url: "http://127.0.0.1:9096/v1/alertmanager"`, "url: <secret>",
		"- name: humans                # put your pager here", "- name: humans\n  webhook_configs: [{url: <secret>, max_alerts: 5}]"))
	if err != nil {
		t.Fatal(err)
	}
	p := &patient{Doctor: &Doctor{ReceiverPath: path, Bearer: true}}
	if found := p.lint("am", parsed, []model.LabelSet{watchdog, breach}); len(found) != 1 || found[0].State != view.CheckOK {
		t.Errorf("found %+v", found)
	}
}

// Silences keep back what their matchers match, whatever the release.
func TestSilencesThatMatchOurs(t *testing.T) {
	no := false
	one := func(name, value string, regex bool, equal *bool) silence {
		var s silence
		s.Matchers = append(s.Matchers, struct {
			Name, Value string
			IsRegex     bool
			IsEqual     *bool
		}{name, value, regex, equal})
		return s
	}
	for name, c := range map[string]struct {
		silence silence
		hit     bool
	}{
		"its service":      {one("service", "ranker", false, nil), true},
		"another":          {one("service", "search", false, nil), false},
		"all alerts":       {one("alertname", ".+", true, nil), true},
		"not of a team":    {one("team", "web", false, &no), true},
		"of no service":    {one("service", "ran.*", true, &no), false},
		"some release":     {one("release", "rel-1", false, nil), true},
		"a label we lack":  {one("instance", "a", false, nil), false},
		"a broken pattern": {one("service", "(", true, nil), false},
	} {
		if got := c.silence.matches(breach); got != c.hit {
			t.Errorf("%s: matches %t, want %t", name, got, c.hit)
		}
	}
}

// The worst part comes first, and of equal ones the one that is the cause.
func TestTheWorstIsFirst(t *testing.T) {
	checks := []view.Check{
		ok(storePart, "reads", ""), degraded(runbookPart, "ranker", "", ""), off(releasePart, "ranker/eu", "", ""),
		ok(prometheusPart, "answers", ""), degraded(prometheusPart, "clock", "", ""), off(alertmanagerPart, "found", "", ""),
		unknown(storePart, "rights", "", ""), ok(alertmanagerPart, "am", ""), ok(rulesPart, "loaded", ""),
	}
	arrange(checks)
	var got []string
	for _, c := range checks {
		got = append(got, c.Part+" "+c.Name)
	}
	want := "alertmanager found, alertmanager am, release ranker/eu, prometheus clock, prometheus answers, runbook ranker, rules loaded, store rights, store reads"
	if strings.Join(got, ", ") != want {
		t.Errorf("arranged %s, want %s", strings.Join(got, ", "), want)
	}
}
