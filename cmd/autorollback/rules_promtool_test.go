package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// limited is a runbook with an absolute limit alone: few rules and few tests.
const limited = `schema: 1
service: ranker
owner: {team: ranking, contact: "#ranking"}
metrics:
  selector: job="ranker"
  requests: {counter: requests_total, errors: code=~"5.."}
triggers:
  - {name: users-see-errors, type: absolute_slo, above: 10%, for: 2m}
routing: {router: json, key: routes/ranker/weights, flags: features/ranker/}
verification: {system: {error_rate: {below: 2%}}}
`

// What promtool says of generated files is tested in package rules; here, what becomes
// of its answer.
func TestRulesTestTellsByItsExitCode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ranker.yaml")
	if err := os.WriteFile(path, []byte(limited), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"promtool passes", []string{"--promtool", "true"}, exitOK, "with promtool: pass"},
		{"promtool fails", []string{"--promtool", "false"}, exitWanting, "do not pass"},
		{"no promtool", []string{"--promtool", "/nonexistent/promtool"}, exitError, ""},
		{"a mutant survives", []string{"--promtool", "true", "--mutants"}, exitWanting, "survives: AutorollbackRankerBlind"}, // without a comparison nothing tests it
		{"json", []string{"--promtool", "true", "--mutants", "-o", "json"}, exitWanting, `"caught": "users-see-errors: `},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			err := run(t.Context(), append([]string{"rules", "test", path}, c.args...), strings.NewReader(""), &out, &errs)
			if got := exitCode(err); got != c.code || !strings.Contains(out.String(), c.says) {
				t.Errorf("exit code %d (%v), want %d, and %q in\n%s", got, err, c.code, c.says, out.String())
			}
		})
	}
}
