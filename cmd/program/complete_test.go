package program

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/servers"
)

var built = servers.Daemon()

func TestMain(m *testing.M) {
	code := m.Run()
	built.Remove()
	os.Exit(code)
}

// A real bash completes commands, flags, their values, and what the daemon knows.
func TestBashCompletes(t *testing.T) {
	st := ramping(5)
	st.Rules = []record.RulesCheck{{Service: "ranker"}, {Service: "search"}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": st})
	}))
	defer srv.Close()
	wants := map[string]string{
		"rel":                     "release",
		"roll":                    "rollback",
		"release st":              "start status",
		"release wait --fo":       "--for",
		"release wait --for p":    "proved paused",
		"release wait ranker --f": "--for",
		"rollback ra":             "ranker",
		"rollback --reason x se":  "search",
		"watch ":                  "ranker search",
		"incident show inc-":      "inc-1 inc-0",
		"approve ":                "a1",
		"why inc-1 ":              "",
		"control set pau":         "paused",
		"runbook new blue":        "bluegreen",
		"status --output j":       "json",
	}
	lines := slices.Sorted(maps.Keys(wants))
	for n, got := range completed(t, srv.URL, lines...) {
		if got != wants[lines[n]] {
			t.Errorf("%s: %q, want %q", lines[n], got, wants[lines[n]])
		}
	}
	srv.Close()
	if got := completed(t, srv.URL, "rollback ra"); got[0] != "" {
		t.Errorf("without a daemon: %q", got)
	}
}

// completed is what bash offers where each of the lines ends.
func completed(t *testing.T, url string, lines ...string) []string {
	t.Helper()
	const script = `source <(autorollback --completion-script-bash) || exit 1
spec=$(complete -p autorollback) && name=${spec#*-F } && name=${name%% *} || exit 1
while IFS= read -r line; do
	read -ra words <<<"$line"
	[[ $line == *" " ]] && words+=("")
	COMP_WORDS=(autorollback "${words[@]}") COMP_CWORD=${#words[@]}
	"$name" && echo "${COMPREPLY[*]}"
done`
	cmd := exec.CommandContext(t.Context(), "bash", "--norc", "-c", script)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(built.File(t))+":"+os.Getenv("PATH"), "AUTOROLLBACK_URL="+url)
	out, err := cmd.CombinedOutput()
	got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if err != nil || len(got) != len(lines) {
		t.Fatalf("%v: %v\n%s", lines, err, out)
	}
	return got
}

// zsh is given its own script.
func TestZshScript(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), built.File(t), "--completion-script-zsh").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "#compdef autorollback\n") || !strings.Contains(string(out), "--completion-bash") {
		t.Errorf("%v\n%s", err, out)
	}
}
