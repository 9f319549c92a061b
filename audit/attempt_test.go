package audit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
)

// A second incident of an id has a folder of its own, and what is sealed stays as it is.
func TestASecondIncidentOfAnIDHasItsOwnFolder(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	seal := func(inc record.Incident, text string) (string, string) {
		t.Helper()
		if _, _, err := f.Capture(inc, Before, parts(text)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.Capture(inc, After, parts(text)); err != nil {
			t.Fatal(err)
		}
		home, digest, err := f.Seal(inc, 0, map[string][]byte{"incident.md": []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		return home, digest
	}
	first := recovered
	first.ActedAt = breach.Add(time.Minute)
	home, digest := seal(first, "one")
	again := first // the store was restored to a moment before the rollback
	again.ActedAt = breach.Add(time.Hour)
	later := recovered // or to one before the incident
	later.OpenedAt, later.ActedAt = breach.Add(2*time.Hour), breach.Add(2*time.Hour)
	for n, inc := range []record.Incident{again, later} {
		other, d := seal(inc, "two")
		if want := filepath.Join(f.Dir, attempt(recovered.ID, n+2)); other != want || d == digest {
			t.Errorf("sealed as %s in %s, want %s", d, other, want)
		}
		if found := Check(home); found.Digest != digest || len(found.Problems) > 0 {
			t.Errorf("the first one is now %+v, and was sealed as %s", found, digest)
		}
		if text, err := f.Read(inc, "queries.json"); err != nil || string(text) != "two" {
			t.Errorf("read %q, %v of attempt %d", text, err, n+2)
		}
	}
	if text, err := f.Read(first, "queries.json"); err != nil || string(text) != "one" {
		t.Errorf("read %q, %v of the first", text, err)
	}
	if all := Attempts(home); len(all) != 3 || all[2] != filepath.Join(f.Dir, recovered.ID+".3") {
		t.Errorf("attempts: %v", all)
	}
	if at, d := seal(first, "three"); at != home || d != digest {
		t.Errorf("the first one sealed again is %s in %s", d, at)
	}
}

// An incident that acts after its first stage was kept has one folder.
func TestAnIncidentThatActsLaterKeepsItsFolder(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	asked := recovered
	path, _ := capture(t, f, Before, parts("one"))
	asked.ActedAt = breach.Add(time.Hour)
	after, _, err := f.Capture(asked, After, parts("two"))
	if err != nil || filepath.Dir(after) != filepath.Dir(path) {
		t.Errorf("captured in %s and %s, %v", path, after, err)
	}
}

// Folders of older versions say no moments: one that was not sealed is taken up, and a sealed one is
// read for the incident that has it.
func TestFoldersOfOlderVersions(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	path, _ := capture(t, f, Before, map[string][]byte{"a": []byte("one")})
	withoutIdentity(t, filepath.Join(path, ManifestName))
	if again, _ := capture(t, f, Before, nil); again != path {
		t.Errorf("captured in %s, and was in %s", again, path)
	}
	home, _, err := f.Seal(recovered, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	withoutIdentity(t, filepath.Join(home, ManifestName))
	old := recovered
	old.EvidenceAt = breach
	if text, err := f.Read(old, "a"); err != nil || string(text) != "one" {
		t.Errorf("read %q, %v", text, err)
	}
	fresh := recovered
	fresh.OpenedAt = breach.Add(time.Hour)
	if path, _, err := f.Capture(fresh, Before, nil); err != nil || filepath.Dir(path) == home {
		t.Errorf("a new incident is kept in %s, %v", path, err)
	}
}

func withoutIdentity(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, identityMark) {
			kept = append(kept, line)
		}
	}
	spoil(t, path, strings.Join(kept, ""))
}

// A link in place of an incident's folder is refused: nothing is written where it leads.
func TestALinkForAFolderIsRefused(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(f.Dir, recovered.ID)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Capture(recovered, Before, parts("one")); err == nil || !strings.Contains(err.Error(), "is no folder") {
		t.Errorf("captured: %v", err)
	}
	if _, _, err := f.Seal(recovered, 0, nil); err == nil {
		t.Error("sealed")
	}
	if names, err := os.ReadDir(elsewhere); err != nil || len(names) > 0 {
		t.Errorf("written elsewhere: %v, %v", names, err)
	}
}
