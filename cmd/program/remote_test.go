package program

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
)

// The command line gives a password to the daemon's address and to no other, and takes none as an argument.
func TestThePasswordStaysWithTheDaemon(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	defer thief.Close()
	srv := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	password := filepath.Join(t.TempDir(), "password")
	write := func(mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(password, []byte("CANARY-4711"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(password, mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		mode os.FileMode
		args []string
		code int
		says string
	}{
		"sent on":             {0o600, []string{"--url", srv.URL, "--user", "a", "--password-file", password}, cli.ExitError, "it redirects to " + thief.URL + ", which is not followed"},
		"readable for all":    {0o644, []string{"--url", srv.URL, "--user", "a", "--password-file", password}, cli.ExitError, "run: chmod 600 " + password},
		"password in the URL": {0o600, []string{"--url", strings.Replace(srv.URL, "//", "//a:CANARY-4711@", 1)}, cli.ExitUsage, "name --user and --password-file"},
		"what is no address":  {0o600, []string{"--url", "a:CANARY-4711@x"}, cli.ExitUsage, "it is no address"},
		"a metadata address":  {0o600, []string{"--url", "http://169.254.169.254"}, cli.ExitError, "refuse to connect"},
	} {
		for _, command := range [][]string{{"release", "status"}, {"healthy"}} {
			write(c.mode)
			var text strings.Builder
			err := run(t.Context(), append(command, c.args...), nil, &text, &text)
			if cli.ExitCode(err) != c.code || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error()+text.String(), "CANARY") {
				t.Errorf("%s, %s: %v, want %q", name, command, err, c.says)
			}
		}
	}
}

// The link's token comes from a file or from standard input.
func TestApproveTakesTheTokenFromAFile(t *testing.T) {
	var got api.Decision
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&got)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": record.Approval{ID: "a"}})
	}))
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("the-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{file, "-"} {
		got = api.Decision{}
		var text strings.Builder
		args := []string{"approve", "a", "--service", "ranker", "--url", srv.URL, "--token-file=" + from}
		if err := run(t.Context(), args, strings.NewReader("the-token\n"), &text, &text); err != nil || got.Token != "the-token" {
			t.Errorf("%s: %v, token %q", from, err, got.Token)
		}
	}
}
