package bucket

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/keeper"
	"github.com/autorollback/autorollback/record"
)

// sealed is a folder of evidence, and the task to archive it.
func sealed(t *testing.T) keeper.Request {
	t.Helper()
	f := audit.Folder{Dir: t.TempDir()}
	inc := record.Incident{ID: "inc-0123456789ab", Service: "ranker", Region: "default", OpenedAt: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)}
	if _, _, err := f.Capture(inc, audit.Before, map[string][]byte{"alerts.json": []byte("[]"), "empty.json": nil}); err != nil {
		t.Fatal(err)
	}
	dir, digest, err := f.Seal(inc, 0, map[string][]byte{"incident.md": []byte("# It was bad\n")})
	if err != nil {
		t.Fatal(err)
	}
	return keeper.Request{Task: keeper.Archive, Folder: dir, Name: "inc-0123456789ab/abc", Digest: digest}
}

// files of the folder that sealed makes: a page, two parts, the stage's manifest, and the folder's.
const files = 5

func put(t *testing.T, b *blob.Bucket, name, text string) {
	t.Helper()
	if err := b.WriteAll(t.Context(), name, []byte(text), nil); err != nil {
		t.Fatal(err)
	}
}

// What is archived is what the folder has, byte for byte, and archiving it again changes nothing.
func TestCopy(t *testing.T) {
	b, q := memblob.OpenBucket(nil), sealed(t)
	for range 2 {
		if a, err := Do(t.Context(), b, q); err != nil || a.Files != files || a.Bytes == 0 {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	for _, name := range []string{"MANIFEST.sha256", "incident.md", "before/alerts.json", "before/empty.json", "before/MANIFEST.sha256"} {
		want, err := os.ReadFile(filepath.Join(q.Folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.ReadAll(t.Context(), q.Name+"/"+name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	q.Task, q.Folder = keeper.Verify, ""
	if a, err := Do(t.Context(), b, q); err != nil || a.Files != files {
		t.Errorf("verify: %+v, %v", a, err)
	}
}

// Nothing is said to be archived that is not as it was sealed, here or there, and nothing is written over.
func TestNotArchived(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, b *blob.Bucket, q *keeper.Request)
		says  string
	}{
		"the folder was altered": {func(t *testing.T, _ *blob.Bucket, q *keeper.Request) {
			page := filepath.Join(q.Folder, "incident.md")
			if err := os.Remove(page); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(page, []byte("# It was good\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "incident.md: altered"},
		"sealed as something else": {func(_ *testing.T, _ *blob.Bucket, q *keeper.Request) { q.Digest = "sha256:feed" }, "not sha256:feed"},
		"another file is there": {func(t *testing.T, b *blob.Bucket, q *keeper.Request) { put(t, b, q.Name+"/incident.md", "mine") },
			"has another inc-0123456789ab/abc/incident.md"},
		"another manifest is there": {func(t *testing.T, b *blob.Bucket, q *keeper.Request) { put(t, b, q.Name+"/MANIFEST.sha256", "mine") },
			"has another inc-0123456789ab/abc/MANIFEST.sha256"},
		"an unknown task": {func(_ *testing.T, _ *blob.Bucket, q *keeper.Request) { q.Task = "burn" }, `no task "burn"`},
	} {
		t.Run(name, func(t *testing.T) {
			b, q := memblob.OpenBucket(nil), sealed(t)
			c.spoil(t, b, &q)
			before := objects(t, b)
			if _, err := Do(t.Context(), b, q); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			for name, text := range before {
				if now := objects(t, b)[name]; now != text {
					t.Errorf("%s was %q and is %q", name, text, now)
				}
			}
		})
	}
}

// A copy that lost or changed anything since is not verified.
func TestVerifyFindsWhatIsLost(t *testing.T) {
	for name, spoil := range map[string]func(*blob.Bucket, string) error{
		"before/alerts.json: changed": func(b *blob.Bucket, name string) error {
			return b.WriteAll(context.Background(), name+"/before/alerts.json", []byte("[1]"), nil)
		},
		"incident.md: lost": func(b *blob.Bucket, name string) error { return b.Delete(context.Background(), name+"/incident.md") },
		"MANIFEST.sha256: lost": func(b *blob.Bucket, name string) error {
			return b.Delete(context.Background(), name+"/MANIFEST.sha256")
		},
		"MANIFEST.sha256: another": func(b *blob.Bucket, name string) error {
			return b.WriteAll(context.Background(), name+"/MANIFEST.sha256", nil, nil)
		},
		"MANIFEST.sha256: too large": func(b *blob.Bucket, name string) error {
			return b.WriteAll(context.Background(), name+"/MANIFEST.sha256", make([]byte, audit.MostManifest+1), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, q := memblob.OpenBucket(nil), sealed(t)
			if _, err := Do(t.Context(), b, q); err != nil {
				t.Fatal(err)
			}
			if err := spoil(b, q.Name); err != nil {
				t.Fatal(err)
			}
			q.Task = keeper.Verify
			if a, err := Do(t.Context(), b, q); err == nil {
				t.Errorf("verified: %+v", a)
			}
		})
	}
}

// A probe leaves nothing behind.
func TestProbe(t *testing.T) {
	b := memblob.OpenBucket(nil)
	if _, err := Do(t.Context(), b, keeper.Request{Task: keeper.Probe}); err != nil {
		t.Error(err)
	}
	if left := objects(t, b); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func objects(t *testing.T, b *blob.Bucket) map[string]string {
	t.Helper()
	all := map[string]string{}
	for list := b.List(nil); ; {
		o, err := list.Next(t.Context())
		if err != nil {
			return all
		}
		text, err := b.ReadAll(t.Context(), o.Key)
		if err != nil {
			t.Fatal(err)
		}
		all[o.Key] = string(text)
	}
}
