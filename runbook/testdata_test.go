package runbook_test

import (
	_ "embed"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

var update = flag.Bool("update", false, "write what came out into the golden files")

// golden compares with the file's text, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\ngot\n%s\nwant\n%s", path, got, want)
	}
}

// each runs the test for every YAML file of the folder; none at all is a failure.
func each(t *testing.T, dir string, run func(t *testing.T, path string)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s (%v)", dir, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) { run(t, path) })
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// One bad file per mistake; beside it, the exact message.
func TestBadRunbooks(t *testing.T) {
	each(t, "bad", func(t *testing.T, path string) {
		rb, err := runbook.Parse(filepath.Base(path), read(t, path))
		if err == nil {
			t.Fatalf("accepted: %+v", rb)
		}
		golden(t, strings.TrimSuffix(path, ".yaml")+".txt", err.Error()+"\n")
	})
}

func TestBadReleases(t *testing.T) {
	each(t, "bad-release", func(t *testing.T, path string) {
		launch, err := runbook.ParseLaunch(filepath.Base(path), read(t, path))
		if err == nil {
			t.Fatalf("accepted: %+v", launch)
		}
		golden(t, strings.TrimSuffix(path, ".yaml")+".txt", err.Error()+"\n")
	})
}

// release is the good release file.
//
//go:embed testdata/good-release/ranker.yaml
var release []byte
