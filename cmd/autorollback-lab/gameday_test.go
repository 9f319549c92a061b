package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
)

func TestGamedayCommandLine(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("schema: 1\nname: x\nsays: y\nshare: 0\nbreak: [{fault: errors, to: 40%}]\nexpect: {action: none}\nwatch: 9s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args string
		code int
		want string
	}{
		{"list", "list", cli.ExitOK, "encoder-mismatch    lab      rollback"},
		{"list, staging", "list", cli.ExitOK, "consul-leader-lost  staging  rollback"},
		{"list, for a machine", "list -o json", cli.ExitOK, `"played": "staging"`},
		{"show", "show errors", cli.ExitOK, "fault: errors"},
		{"no such", "show eror", cli.ExitError, "gameday list"},
		{"rules", "rules --max-age 8d", cli.ExitOK, "> 691200"},
		{"rules, no age", "rules --max-age soon", cli.ExitUsage, "--max-age"},
		{"a bad file", "run " + bad, cli.ExitWanting, "bad.yaml:4: share: 0 is not above 0 and below 100"},
		{"not here", "run consul-leader-lost", cli.ExitRefused, "no leader to lose"},
		{"not here, later", "run consul-leader-lost --schedule=* --metrics-file=x", cli.ExitRefused, "no leader to lose"},
		{"a zone in the calendar", "run errors --schedule=CRON_TZ=UTC --metrics-file=x", cli.ExitUsage, "--timezone=Europe/Berlin"},
		{"a zone that is none", "run errors --schedule=TZ=0 --metrics-file=x", cli.ExitUsage, `"TZ=0" names a time zone`},
		{"no such zone", "run errors --schedule=@weekly --timezone=Mars/Olympus --metrics-file=x", cli.ExitUsage, "Mars/Olympus"},
		{"no calendar", "run errors --schedule=often --metrics-file=x", cli.ExitUsage, "--schedule"},
		{"without, elsewhere", "run errors --without=watcher --runbook=x", cli.ExitUsage, "there is no flag --runbook"},
		{"invisible character", "run errors --schedule=@weekly", cli.ExitUsage, "--metrics-file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out output
			err := run(t.Context(), append([]string{"gameday"}, strings.Fields(tt.args)...), strings.NewReader(""), &out, &out)
			if text := fmt.Sprint(out.String(), err); cli.ExitCode(err) != tt.code || !strings.Contains(text, tt.want) {
				t.Errorf("code %d, want %d; %q is to be in: %s", cli.ExitCode(err), tt.code, tt.want, text)
			}
		})
	}
}

// One scenario whole, in the embedded world, with its reports. Its limits are wider than
// those of the catalogue, which are not for a machine under load, and so far fewer users see
// errors than the absolute limit allows that a late scrape makes no difference. No alert is
// delivered: the watcher is enough.
func TestGamedayPlays(t *testing.T) {
	wholeStory(t)
	t.Parallel()
	dir := t.TempDir()
	var shown, out output
	if err := run(t.Context(), []string{"gameday", "show", "errors"}, strings.NewReader(""), &shown, &shown); err != nil {
		t.Fatal(err)
	}
	text := shown.String()
	for was, is := range map[string]string{"limits: {detect: 20s, act: 2s, drain: 8s, recover: 45s, tell: 3s}": "limits: {detect: 2m, act: 1m, drain: 1m, recover: 4m, tell: 1m}", "watch: 90s": "watch: 8m", "share: 20": "share: 10"} {
		if !strings.Contains(text, was) {
			t.Fatalf("the scenario has no %q any more:\n%s", was, text)
		}
		text = strings.Replace(text, was, is, 1)
	}
	file := filepath.Join(dir, "errors.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"gameday", "run", file, "--busy", "--without=webhook", "--dir=" + dir, "--reports=" + filepath.Join(dir, "reports")}, strings.NewReader(""), &out, &out); err != nil {
		t.Errorf("gameday: %v\n%s", err, out.String())
	}
	check(t, out.String(), []string{"found by the watcher", "errors: passed, 11 of 11", "[x]  nothing else touched", "0 answers of a model"}, []string{"[ ]", "received by webhook"})
	for _, name := range []string{"errors.md", "errors.html"} {
		text, err := os.ReadFile(filepath.Join(dir, "reports", name))
		if err != nil || !strings.Contains(string(text), "time to detect") {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}
