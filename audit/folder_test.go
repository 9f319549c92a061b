package audit

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
)

var breach = time.Date(2026, 11, 20, 15, 4, 5, 0, time.UTC)

// recovered is an incident.
var recovered = record.Incident{Schema: 1, ID: "inc-0123456789ab", Service: "ranker", Region: "eu", OpenedAt: breach}

func capture(t *testing.T, f Folder, stage string, parts map[string][]byte) (path, digest string) {
	t.Helper()
	path, digest, err := f.Capture(recovered, stage, parts)
	if err != nil {
		t.Fatal(err)
	}
	return path, digest
}

func parts(text string) map[string][]byte {
	return map[string][]byte{
		"alerts.json": []byte(`[{"service":"ranker"}]`), "queries.json": []byte(text),
		"../../etc/passwd": []byte("x"), ".hidden": nil, ".": nil, "..": nil, ".partial-before-x": nil, "": []byte("unnamed"), "MANIFEST.sha256": []byte("forged"),
		strings.Repeat("long", 100): []byte("y"), "a/b": []byte("1"), "a%2Fb": []byte("2"),
	}
}

func TestCapture(t *testing.T) {
	f := Folder{Dir: filepath.Join(t.TempDir(), "evidence")}
	path, digest := capture(t, f, Before, parts("one"))
	again, same := capture(t, f, Before, parts("two"))
	if again != path || same != digest {
		t.Errorf("the second capture says %s %s, the first said %s %s", again, same, path, digest)
	}
	files, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(parts(""))+1 {
		t.Errorf("%d files, want one for each of %d parts and a manifest", len(files), len(parts("")))
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(file.Name(), ".") || !info.Mode().IsRegular() || info.Mode().Perm() != 0o444 {
			t.Errorf("%s has mode %v", file.Name(), info.Mode())
		}
	}
	if text, _ := os.ReadFile(filepath.Join(path, "queries.json")); string(text) != "one" {
		t.Errorf("the first writer did not win: %q", text)
	}
}

func TestCaptureRefuses(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	for _, id := range []string{"", ".", "..", "../x", "a/b", "INC", strings.Repeat("a", 81)} {
		if _, _, err := f.Capture(record.Incident{ID: id}, Before, nil); err == nil {
			t.Errorf("incident id %q was taken", id)
		}
	}
	if _, _, err := f.Capture(recovered, "during", nil); err == nil {
		t.Error("stage during was taken")
	}
	path, _ := capture(t, f, Before, parts("one"))
	spoil(t, filepath.Join(path, "alerts.json"), "forged")
	if _, _, err := f.Capture(recovered, Before, parts("one")); err == nil || !strings.Contains(err.Error(), "alerts.json: altered") {
		t.Errorf("an altered stage was taken: %v", err)
	}
	if _, _, err := f.Seal(recovered, 0, nil); err == nil {
		t.Error("an altered stage was sealed")
	}
}

func spoil(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// TestCaptureRace lets replicas capture the same stages at once: all agree, and what
// is there is whole.
func TestCaptureRace(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	inc := recovered
	var all sync.WaitGroup
	digests := make([]string, 16)
	for i := range digests {
		all.Go(func() {
			_, digest, err := f.Capture(inc, Before, parts(strings.Repeat("x", i)))
			if err != nil {
				t.Error(err)
			}
			digests[i] = digest
			if _, _, err := f.Seal(inc, 0, map[string][]byte{"incident.md": []byte("page")}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if slices.Sort(digests); digests[0] != digests[len(digests)-1] {
		t.Errorf("digests differ: %v", digests)
	}
	if p := Check(filepath.Join(f.Dir, inc.ID)).Problems; len(p) != 0 {
		t.Errorf("problems: %v", p)
	}
}

// TestCaptureAfterCrash leaves a half-written stage behind, as a crash would.
func TestCaptureAfterCrash(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	inc := recovered
	half := filepath.Join(f.Dir, inc.ID, partial+"before-1")
	if err := errors.Join(os.MkdirAll(half, 0o755), os.WriteFile(filepath.Join(half, "alerts.json"), []byte("["), 0o444)); err != nil {
		t.Fatal(err)
	}
	capture(t, f, Before, parts("one"))
	if _, _, err := f.Seal(inc, 0, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the half-written stage is still there: %v", err)
	}
	if p := Check(filepath.Join(f.Dir, inc.ID)).Problems; len(p) != 0 {
		t.Errorf("problems: %v", p)
	}
}

// independently asks the system's own sha256sum.
func independently(t *testing.T, home string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", ManifestName)
	cmd.Dir = home
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
}

func TestCheckFinds(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, home string)
		want  string
	}{
		"nothing": {func(*testing.T, string) {}, "[]"},
		"an altered file": {func(t *testing.T, home string) {
			spoil(t, filepath.Join(home, Before, "queries.json"), "two")
		}, "[before/queries.json: altered]"},
		"a missing file": {func(t *testing.T, home string) { remove(t, filepath.Join(home, Before, "queries.json")) }, "[before/queries.json: missing]"},
		"an extra file":  {func(t *testing.T, home string) { spoilNew(t, filepath.Join(home, Before, "x")) }, "[before/x: not in the manifest]"},
		"an altered page": {func(t *testing.T, home string) {
			spoil(t, filepath.Join(home, "incident.md"), "all was well")
		}, "[incident.md: altered]"},
		"a link for a file": {func(t *testing.T, home string) {
			path := filepath.Join(home, "incident.md")
			remove(t, path)
			if err := os.Symlink("before/queries.json", path); err != nil {
				t.Fatal(err)
			}
		}, "[incident.md: missing incident.md: not a plain file]"},
		"no manifest":       {func(t *testing.T, home string) { remove(t, filepath.Join(home, ManifestName)) }, "[MANIFEST.sha256: no such file or directory]"},
		"a broken manifest": {func(t *testing.T, home string) { spoil(t, filepath.Join(home, ManifestName), "hello\n") }, "[MANIFEST.sha256: not a list of sha256 hashes]"},
		"a stage dropped": {func(t *testing.T, home string) {
			if err := os.RemoveAll(filepath.Join(home, After)); err != nil {
				t.Fatal(err)
			}
		}, "[after/MANIFEST.sha256: missing after/queries.json: missing]"},
	} {
		t.Run(name, func(t *testing.T) {
			f := Folder{Dir: t.TempDir()}
			one := map[string][]byte{"queries.json": []byte("one")}
			capture(t, f, Before, one)
			capture(t, f, After, one)
			inc := recovered
			if _, _, err := f.Seal(inc, 0, map[string][]byte{"incident.md": []byte("page")}); err != nil {
				t.Fatal(err)
			}
			home := filepath.Join(f.Dir, inc.ID)
			c.spoil(t, home)
			if got := said(Check(home).Problems); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func said(problems []Problem) string {
	var out []string
	for _, p := range problems {
		out = append(out, p.Error())
	}
	return "[" + strings.Join(out, " ") + "]"
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func spoilNew(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}
