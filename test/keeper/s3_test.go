package keeper

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/keeper"
	"github.com/autorollback/autorollback/record"
)

// A bucket behind S3's protocol takes evidence and gives it back, by the real helper with its credentials
// from the environment; what the bucket loses or changes is found.
func TestS3(t *testing.T) {
	const bucket = "evidence"
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true", "HOME": t.TempDir()} {
		t.Setenv(name, value)
	}
	at := fmt.Sprintf("s3://%s?region=eu-central-1&endpoint=%s&use_path_style=true&request_checksum_calculation=when_required&prefix=prod/", bucket, server.URL)
	p := keeper.Program{Path: helper.File(t), Within: 2 * time.Minute}

	f := audit.Folder{Dir: t.TempDir()}
	inc := record.Incident{ID: id, OpenedAt: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)}
	if _, _, err := f.Capture(inc, audit.Before, map[string][]byte{"alerts.json": []byte("[]"), "empty.json": nil, "large.json": bytes.Repeat([]byte("0123456789abcdef"), 1<<16)}); err != nil {
		t.Fatal(err)
	}
	dir, digest, err := f.Seal(inc, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Do(t.Context(), keeper.Request{Task: keeper.Probe, Archive: at}); err != nil {
		t.Fatal(err)
	}
	q := keeper.Request{Task: keeper.Archive, Archive: at, Folder: dir, Name: id + "/x", Digest: digest}
	for range 2 { // again, as after a crash
		if a, err := p.Do(t.Context(), q); err != nil || a.Files != 5 {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	manifest, err := os.ReadFile(filepath.Join(dir, audit.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	o, err := backend.GetObject(bucket, "prod/"+id+"/x/"+audit.ManifestName, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(o.Contents); err != nil || !bytes.Equal(text, manifest) {
		t.Errorf("the manifest in the bucket is %q, %v", text, err)
	}
	if _, err := backend.DeleteObject(bucket, "prod/"+id+"/x/before/alerts.json"); err != nil {
		t.Fatal(err)
	}
	q.Task = keeper.Verify
	if a, err := p.Do(t.Context(), q); err == nil || !strings.Contains(err.Error(), "before/alerts.json") {
		t.Errorf("what was lost is not found: %+v, %v", a, err)
	}
	q.Archive = strings.Replace(at, "s3://"+bucket, "s3://another", 1)
	if a, err := p.Do(t.Context(), q); err == nil {
		t.Errorf("a bucket that is not there: %+v", a)
	}
}
