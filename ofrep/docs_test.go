package ofrep

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/test/servers"
)

// block is what stands in docs/flags.md as code of that kind after a text.
func block(t *testing.T, after, kind string) string {
	t.Helper()
	page, err := os.ReadFile("../docs/flags.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), after)
	m := regexp.MustCompile("(?s)```" + kind + "\n(.*?)```").FindStringSubmatch(rest)
	if !ok || m == nil {
		t.Fatalf("docs/flags.md has no %s after %q", kind, after)
	}
	return m[1]
}

// The page's curl gets the answer that stands below it.
func TestPageCurl(t *testing.T) {
	servers.NotShort(t)
	web := httptest.NewServer(handlerOf(t, memoryOf(t, open(t))))
	defer web.Close()
	command := exec.Command("sh", "-c", strings.Replace(block(t, "## OpenFeature", "sh"), "http://127.0.0.1:9097", web.URL, 1))
	command.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(command.Dir, "ofrep.token"), []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := command.Output()
	if want := block(t, "## OpenFeature", "json"); err != nil || string(out) != want {
		t.Errorf("%v %s, want %s", err, out, want)
	}
}

// The page's code is that of a program, and the program gets the encoder that is off.
func TestPageSDK(t *testing.T) {
	program, err := os.ReadFile("../test/servers/openfeature/main.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := "\t" + strings.ReplaceAll(strings.TrimSpace(block(t, "## OpenFeature", "go")), "\n", "\n\t") + "\n"
	if !strings.Contains(string(program), lines) {
		t.Errorf("test/servers/openfeature does not run the page's code:\n%s", lines)
	}
	web := httptest.NewServer(handlerOf(t, memoryOf(t, open(t))))
	defer web.Close()
	out, err := exec.Command(servers.OpenFeature(t), "page", web.URL, token).Output()
	if err != nil || string(out) != "v4\n" {
		t.Errorf("%v %q", err, out)
	}
}
