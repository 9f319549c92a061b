package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
)

// Sealed folders are listed, of one id the last first, and removed in that order; what is no evidence, or
// not sealed, is neither.
func TestHomes(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	at := time.Date(2026, 11, 30, 1, 2, 3, 4, time.UTC)
	first, second := record.Incident{ID: "inc-1", OpenedAt: at}, record.Incident{ID: "inc-1", OpenedAt: at.Add(time.Hour)}
	var digests []string
	for _, inc := range []record.Incident{first, second} {
		if _, _, err := f.Sealed(inc); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("sealed before it is: %v", err)
		}
		if _, _, err := f.Capture(inc, Before, map[string][]byte{"a.json": []byte("1")}); err != nil {
			t.Fatal(err)
		}
		dir, digest, err := f.Seal(inc, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if at, is, err := f.Sealed(inc); err != nil || at != dir || is != digest {
			t.Errorf("sealed in %s as %s: %s, %s, %v", dir, digest, at, is, err)
		}
		digests = append(digests, digest)
	}
	if _, _, err := f.Capture(record.Incident{ID: "inc-2", OpenedAt: at}, Before, map[string][]byte{"a.json": nil}); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"lost+found", removed + "inc-9-x"} {
		if err := os.Mkdir(filepath.Join(f.Dir, other), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	all, err := f.Homes()
	if err != nil || len(all) != 2 || all[0] != (Home{"inc-1.2", "inc-1", second.OpenedAt, digests[1]}) || all[1] != (Home{"inc-1", "inc-1", at, digests[0]}) {
		t.Fatalf("%+v, %v", all, err)
	}
	if err := f.Remove("inc-1"); err == nil {
		t.Error("the first was removed before the second")
	}
	for _, h := range all {
		if err := f.Remove(h.Name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"../x", ".", "", "lost+found"} {
		if err := f.Remove(name); err == nil {
			t.Errorf("removed %q", name)
		}
	}
	if left, err := os.ReadDir(f.Dir); err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
}
