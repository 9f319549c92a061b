package runbook_test

import (
	"path/filepath"
	"reflect"
	"testing"

	templates "github.com/autorollback/autorollback/runbook-templates"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/runbook"
)

// Parse never panics, and what it accepts is the same after it was written and read
// again.
func FuzzParse(f *testing.F) {
	seeds(f, "good")
	seeds(f, "bad")
	for _, kind := range templates.Kinds() {
		text, err := templates.New(kind, "ranker")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rb, err := runbook.Parse("fuzz.yaml", text)
		if err != nil {
			return
		}
		same(t, rb)
		runbook.Render(rb)
		rb.SelfChecks()
	})
}

// ParseLaunch never panics, and what it accepts is the same, digests and all, after
// it was written and read again.
func FuzzParseLaunch(f *testing.F) {
	seeds(f, "good-release")
	seeds(f, "bad-release")
	f.Fuzz(func(t *testing.T, text []byte) {
		launch, err := runbook.ParseLaunch("fuzz.yaml", text)
		if err != nil {
			return
		}
		written, err := yaml.Marshal(launch)
		if err != nil {
			t.Fatal(err)
		}
		again, err := runbook.ParseLaunch("again.yaml", written)
		if err != nil || !reflect.DeepEqual(launch, again) {
			t.Fatalf("%v\nfirst  %+v\nsecond %+v\n%s", err, launch, again, written)
		}
		if launch.Stable.Bundle.Digest() == launch.Candidate.Bundle.Digest() {
			t.Fatalf("one bundle on both sides:\n%s", written)
		}
	})
}

func seeds(f *testing.F, dir string) {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(paths) == 0 {
		f.Fatalf("no seeds in %s (%v)", dir, err)
	}
	for _, path := range paths {
		f.Add(read(f, path))
	}
}
