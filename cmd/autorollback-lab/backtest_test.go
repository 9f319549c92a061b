package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/backtest"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/test/servers"
)

const backtestRunbook = `schema: 1
service: "ranker"
owner: {team: t, contact: "#t"}
metrics:
  selector: job="ranker"
  warmup: 1m
  requests: {counter: requests_total, errors: 'code="500"'}
triggers:
  - {name: error-rate, type: error_rate, severity: severe, above: 5%, for: 3m}
routing: {router: json, key: routes/ranker/weights, flags: features/ranker/}
verification: {system: {error_rate: {below: 4%}}}
`

// historyStart is on the grid of the rules.
var historyStart = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// pastBlocks builds blocks with the real promtool: 40 minutes of six v1 pods, and three
// v2 pods from minute 5 to 30 that fail from minute 15 on.
func pastBlocks(t *testing.T) string {
	t.Helper()
	var text bytes.Buffer
	text.WriteString("# TYPE requests counter\n")
	pod := func(version, name string, from, to, sick int) {
		for code, every := range map[string]int{"200": 0, "500": 1} {
			sum := 0
			for tick := from * 4; tick <= to*4; tick++ {
				grown := 150
				if every == 1 {
					grown = tick % 2
					if sick > 0 && tick > sick*4 {
						grown = 20 + tick%3
					}
				}
				sum += grown
				fmt.Fprintf(&text, "requests_total{job=\"ranker\",instance=%q,version=%q,code=%q} %d %d\n", name, version, code, sum, historyStart.Add(time.Duration(tick)*15*time.Second).Unix())
			}
		}
	}
	for i := range 6 {
		pod("v1", fmt.Sprintf("s%d", i), 0, 40, 0)
	}
	for i := range 3 {
		pod("v2", fmt.Sprintf("c%d", i), 5, 30, 15)
	}
	text.WriteString("# EOF\n")
	dir := t.TempDir()
	in := filepath.Join(dir, "history.txt")
	if err := os.WriteFile(in, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	blocks := filepath.Join(dir, "data")
	if out, err := exec.CommandContext(t.Context(), servers.Promtool(t), "tsdb", "create-blocks-from", "openmetrics", in, blocks).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return blocks
}

// prometheusWith starts a real Prometheus on the blocks.
func prometheusWith(t *testing.T, blocks string) string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(blocks, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(blocks, path)
		files[filepath.Join("data", name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return servers.Prometheus(t, "", files).URL
}

func pastFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// runPast runs the program and returns what it printed.
func runPast(t *testing.T, args ...string) (out, errs string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err = run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
	return stdout.String(), stderr.String(), err
}

// The same history says the same from a real Prometheus, by raw samples and by
// query_range, and from its folder.
func TestBacktest(t *testing.T) {
	t.Parallel()
	blocks := pastBlocks(t)
	url := prometheusWith(t, blocks)
	rb := pastFile(t, "ranker.yaml", backtestRunbook)
	incidents := pastFile(t, "incidents.json", `[{"startsAt":"2026-01-05T12:15:00Z","endsAt":"2026-01-05T12:30:00Z","labels":{"alertname":"users complain"}}]`)
	releases := pastFile(t, "releases.yaml", `- {id: r2, stable: v1, candidate: v2, start: 2026-01-05T12:05:00Z, end: 2026-01-05T12:30:00Z, weight: 33}`)
	pictures := filepath.Join(t.TempDir(), "pictures")
	period := []string{"--end", "2026-01-05T12:40:00Z", "--days", "0.0277", "-o", "json", "--incidents", incidents}
	for name, args := range map[string][]string{
		"samples":     {"--prometheus.url", url, "--releases", releases, "--sensitivity", "2,5", "--pictures", pictures},
		"query_range": {"--prometheus.url", url, "--releases", releases, "--prometheus.read", "query_range", "--sensitivity", ""},
		"derived":     {"--tsdb", blocks, "--sensitivity", ""},
	} {
		t.Run(name, func(t *testing.T) {
			out, progress, err := runPast(t, append(append([]string{"backtest", rb}, period...), args...)...)
			if err != nil {
				t.Fatal(err)
			}
			var r backtest.Report
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatalf("%v in\n%s", err, out)
			}
			if len(r.Firings) != 1 || len(r.Incidents) != 1 || len(r.Triggers) != 1 || len(r.Warnings) > 0 {
				t.Fatalf("got %s", out)
			}
			f, late := r.Firings[0], r.Firings[0].From.Sub(historyStart.Add(15*time.Minute))
			if late <= 0 || late > 3*time.Minute || f.Verdict != backtest.Hit || f.Decision.Action != "rollback" || f.Value < 0.05 || f.Breach.CandidatePods != 3 {
				t.Errorf("fired %s late: %+v, %+v", late, f, f.Decision)
			}
			if r.Incidents[0].Outcome != backtest.Caught || r.Incidents[0].Name != "users complain" || r.Triggers[0].False != 0 {
				t.Errorf("got %+v %+v", r.Incidents, r.Triggers)
			}
			if r.Derived != (name == "derived") || len(r.Releases) != 1 || r.Releases[0].Candidate != "v2" {
				t.Errorf("releases: %+v", r.Releases)
			}
			if !strings.Contains(progress, "100%") {
				t.Errorf("progress: %q", progress)
			}
			if name == "samples" {
				two, five := r.Triggers[0].Sensitivity[0], r.Triggers[0].Sensitivity[1]
				if two.Hits != 1 || five.Alarms != 0 {
					t.Errorf("sensitivity: %+v", r.Triggers[0].Sensitivity)
				}
			}
		})
	}
	if svg, err := os.ReadFile(filepath.Join(pictures, "error-rate.svg")); err != nil || !bytes.Contains(svg, []byte("users complain")) {
		t.Errorf("picture: %v", err)
	}
	out, _, err := runPast(t, "backtest", rb, "--tsdb", blocks, "--days", "0.0277", "--sensitivity", "")
	if err != nil || !strings.Contains(out, "no list of incidents was given") || !strings.Contains(out, "rollback (severe)") {
		t.Errorf("%v in\n%s", err, out)
	}
}

func TestCalibrateCommand(t *testing.T) {
	t.Parallel()
	rb := pastFile(t, "ranker.yaml", backtestRunbook)
	blocks := pastBlocks(t)
	out, _, err := runPast(t, "calibrate", rb, "--tsdb", blocks, "--days", "0.0277", "--length", "15m", "--draws", "1", "--seed", "3")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"2 releases of nothing, 15m each, seed 3", "error-rate", "DISPERSION", "any with significance", "\nerror-rate  1."} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
}

func TestBacktestSaysHowToMend(t *testing.T) {
	rb := pastFile(t, "ranker.yaml", backtestRunbook)
	for name, c := range map[string]struct {
		args []string
		want string
		code int
	}{
		"no source":  {[]string{rb}, "either --prometheus.url or --tsdb", cli.ExitUsage},
		"both":       {[]string{rb, "--tsdb", "x", "--prometheus.url", "http://x"}, "either", cli.ExitUsage},
		"days":       {[]string{rb, "--tsdb", "x", "--days=-1"}, "--days: -1", cli.ExitUsage},
		"factor":     {[]string{rb, "--tsdb", "x", "--sensitivity", "half"}, `--sensitivity: "half"`, cli.ExitUsage},
		"end":        {[]string{rb, "--tsdb", "x", "--end", "noon"}, "--end:", cli.ExitUsage},
		"no folder":  {[]string{rb, "--tsdb", filepath.Join(t.TempDir(), "none")}, "--storage.tsdb.path", cli.ExitError},
		"no runbook": {[]string{"none.yaml", "--tsdb", "x"}, "none.yaml", cli.ExitError},
		"no answer":  {[]string{rb, "--prometheus.url", "http://127.0.0.1:1", "--days", "0.01"}, "ask Prometheus for", cli.ExitError},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := runPast(t, append([]string{"backtest"}, c.args...)...)
			if err == nil || !strings.Contains(err.Error(), c.want) || cli.ExitCode(err) != c.code {
				t.Errorf("got %v, code %d; want %q, code %d", err, cli.ExitCode(err), c.want, c.code)
			}
		})
	}
}
