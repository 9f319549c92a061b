package program

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
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
	dir := t.TempDir()
	for _, c := range []struct {
		name    string
		runbook string
		args    []string
		code    int
		says    string
	}{
		{"promtool passes", limited, []string{"--promtool", "true"}, cli.ExitOK, "with promtool: pass"},
		{"promtool fails", limited, []string{"--promtool", "false"}, cli.ExitWanting, "do not pass"},
		{"no promtool", limited, []string{"--promtool", "/nonexistent/promtool"}, cli.ExitError, ""},
		{"json", limited, []string{"--promtool", "true", "-o", "json"}, cli.ExitOK, `"tests": `},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, "ranker.yaml")
			if err := os.WriteFile(path, []byte(c.runbook), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			err := run(t.Context(), append([]string{"rules", "test", path}, c.args...), strings.NewReader(""), &out, &errs)
			if got := cli.ExitCode(err); got != c.code || !strings.Contains(out.String(), c.says) {
				t.Errorf("exit code %d (%v), want %d, and %q in\n%s", got, err, c.code, c.says, out.String())
			}
		})
	}
}
