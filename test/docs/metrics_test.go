package docs

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

// The real promtool takes the configuration of docs/metrics.md, and what
// stands below them is part of a runbook that is accepted.
func TestVersionLabelSnippets(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(read(t, "../../docs/metrics.md")), -1)
	seen := map[string]int{}
	for _, m := range blocks {
		kind, _, _ := strings.Cut(m[1], ":")
		seen[kind]++
		switch kind {
		case "scrape_configs":
			promtool(t, m[1], "check", "config", "--lint=all", "--lint-fatal")
		case "metrics":
			withMetrics(t, m[1])
		}
	}
	if seen["scrape_configs"] != 1 || seen["metrics"] != 5 {
		t.Errorf("docs/metrics.md has %v", seen)
	}
}

func promtool(t *testing.T, text string, args ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "snippet.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(servers.Promtool(t), append(args, file)...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s\n%s", strings.Join(args, " "), err, out, text)
	}
}

// withMetrics reads the least runbook with those of its metrics that the snippet names.
func withMetrics(t *testing.T, snippet string) {
	t.Helper()
	var part map[string]map[string]any
	var whole map[string]any
	if err := yaml.Unmarshal([]byte(snippet), &part); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(read(t, "testdata/least.yaml"), &whole); err != nil {
		t.Fatal(err)
	}
	metrics := whole["metrics"].(map[string]any)
	delete(metrics, "track")
	delete(metrics, "join")
	for section, fields := range part {
		if whole[section] == nil {
			whole[section] = map[string]any{}
		}
		maps.Copy(whole[section].(map[string]any), fields)
	}
	text, err := yaml.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runbook.Parse("docs/metrics.md", text); err != nil {
		t.Error(err)
	}
}
