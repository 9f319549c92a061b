package program

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/shadow"
)

// The three commands from a recording to a gate, with their exit codes.
func TestShadowFromRecordingToGate(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	var recording, stableLog, candidateLog strings.Builder
	for i := range 800 {
		fmt.Fprintf(&recording, `{"id":"r%d","ts":"2026-03-01T%02d:00:00Z","segment":{"country":"DE"},"request":{"method":"POST","path":"/predict","body":{"x":%d}}}`+"\n", i, i%24, i)
		fmt.Fprintf(&stableLog, `{"id":"r%d","ts":"2026-03-01T%02d:00:00Z","response":{"status":200,"body":{"score":%d.5}}}`+"\n", i, i%24, i)
		fmt.Fprintf(&candidateLog, `{"id":"r%d","ts":"2026-03-01T%02d:00:00Z","response":{"status":200,"body":{"score":%d.25}}}`+"\n", i, i%24, i)
	}
	for name, text := range map[string]string{"recording.jsonl": recording.String(), "stable.jsonl": stableLog.String(), "candidate.jsonl": candidateLog.String()} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"score":0.5,"of":%s}`, text)
	}))
	defer model.Close()
	sides := []string{"--candidate", model.URL, "--stable", model.URL, "--pairs", at("pairs.jsonl"), "--sample", "100%", "--rate", "0"}
	bundles := []string{"--service", "ranker", "--candidate-digest", "sha256:c", "--stable-digest", "sha256:s"}
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"not allowed", append([]string{"replay", at("recording.jsonl")}, sides...), cli.ExitError, "--allow"},
		{"replay into another run's file", append([]string{"replay", at("recording.jsonl"), "--allow", "POST /predict"}, sides...), cli.ExitError, "belongs to another run"},
		{"replay", append([]string{"replay", at("recording.jsonl"), "--allow", "POST /predict"}, replaced(sides, at("pairs.jsonl"), at("pairs/of/good.jsonl"))...), cli.ExitOK, "800 records read, 800 in the sample"},
		{"report", append([]string{"report", at("pairs/of/good.jsonl"), "--html", at("out/r.html"), "--markdown", at("out/r.md"), "--json", at("out/r.json"), "--gate-file", at("out/gate.json")}, bundles...), cli.ExitOK, "pass: 800 answers compared"},
		{"report for programs", append([]string{"report", at("pairs/of/good.jsonl"), "-o", "yaml"}, bundles...), cli.ExitOK, "\nverdict: pass\n"},
		{"a gate without bundles", []string{"report", at("pairs/of/good.jsonl"), "--gate-file", at("g2.json")}, cli.ExitUsage, "--gate-file and --record need"},
		{"join", []string{"join", "--stable-log", at("stable.jsonl"), "--candidate-log", at("candidate.jsonl")}, cli.ExitWanting, "block: score differs"},
		{"join of a few", []string{"join", "--stable-log", at("stable.jsonl"), "--candidate-log", at("candidate.jsonl"), "--sample", "10%", "--plan", writtenPlan(t, "fields: [{path: score, absolute: 1}]")}, cli.ExitUnclear, "inconclusive: too few answers"},
		{"a plan with a mistake", []string{"report", at("pairs/of/good.jsonl"), "--plan", writtenPlan(t, "alhpa: 1%")}, cli.ExitError, ":1: alhpa: unknown key"},
		{"a sample without unit", append([]string{"replay", at("recording.jsonl")}, replaced(sides, "100%", "5")...), cli.ExitUsage, "write 5%"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"shadow"}, c.args...), strings.NewReader(""), &out, &out)
		if err != nil {
			fmt.Fprintln(&out, err)
		}
		if cli.ExitCode(err) != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: code %d, want %d with %q:\n%s", c.name, cli.ExitCode(err), c.code, c.want, out.String())
		}
	}
	var gate shadow.Gate
	text, err := os.ReadFile(at("out/gate.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &gate); err != nil || gate.Verdict != shadow.Pass || gate.Candidate != "sha256:c" || gate.Counts.Compared != 800 {
		t.Errorf("%v %+v", err, gate)
	}
}

func replaced(args []string, from, to string) []string {
	out := append([]string(nil), args...)
	for i, a := range out {
		if a == from {
			out[i] = to
		}
	}
	return out
}

func writtenPlan(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plan.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
