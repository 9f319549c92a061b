package keeper

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// push puts an image into a repository, and returns its reference.
func push(t *testing.T, repository string) string {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewDigest(repository + "@" + digest.String())
	if err == nil {
		err = remote.Write(ref, image)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ref.String()
}

// After a rollback both images have a tag in their registry, which the incident names; and no release starts
// whose image is not there.
func TestImagesStay(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	repository := strings.TrimPrefix(server.URL, "http://") + "/ranker"
	l, err := runbook.ParseLaunch("release.yaml", demo.Release)
	if err != nil {
		t.Fatal(err)
	}
	l.Stable.Bundle.Model.Image, l.Candidate.Bundle.Model.Image = push(t, repository), push(t, repository)

	i := install(t, "--images.hold", "--images.check", "--keeper.path="+helper.File(t))
	inc := i.sealed
	inc.ActedAt, inc.Stable, inc.Candidate = time.Now().UTC(), record.SideOf(l.Stable), record.SideOf(l.Candidate)
	i.put(map[string]any{store.IncidentKey(id): inc,
		store.BundleKey(inc.Stable.Bundle): l.Stable.Bundle, store.BundleKey(inc.Candidate.Bundle): l.Candidate.Bundle})
	i.start()
	i.await("both images to be held", func() error {
		if inc := i.incident(); len(inc.Holds) != 2 {
			st, err := i.web.Status(t.Context())
			return fmt.Errorf("%+v, %+v, %v", inc.Holds, st.Holds, err)
		}
		return nil
	})
	for _, h := range i.incident().Holds {
		tag, err := name.NewTag(h.Tag)
		if err != nil {
			t.Fatal(err)
		}
		if is, err := remote.Head(tag); err != nil || !strings.HasSuffix(h.Image, is.Digest.String()) {
			t.Errorf("%+v: the registry has %+v, %v", h, is, err)
		}
		if page := i.page(); !strings.Contains(page, h.Tag) {
			t.Errorf("the page does not name %s", h.Tag)
		}
	}
	images := regexp.MustCompile(`[^\s"']+@sha256:[0-9a-f]{64}`)
	there := images.ReplaceAllString(string(demo.Release), l.Stable.Bundle.Model.Image)
	gone := images.ReplaceAllString(string(demo.Release), repository+"@sha256:"+strings.Repeat("0", 64))
	if _, err := i.web.Start(t.Context(), []byte(gone)); err == nil || !strings.Contains(err.Error(), "the registry has no image "+repository) {
		t.Errorf("an image that is not there: %v", err)
	}
	if _, err := i.web.Start(t.Context(), []byte(there)); err != nil && strings.Contains(err.Error(), "image") {
		t.Errorf("images that are there: %v", err)
	}
}

// put writes records over what the store has, while no daemon runs.
func (i *installation) put(records map[string]any) {
	i.t.Helper()
	kv, err := store.OpenFile(i.path("store.db"))
	if err != nil {
		i.t.Fatal(err)
	}
	defer kv.Close()
	for key, value := range records {
		text, err := json.Marshal(value)
		if err != nil {
			i.t.Fatal(err)
		}
		snap, err := kv.Read(i.t.Context(), key)
		if err != nil {
			i.t.Fatal(err)
		}
		had, _ := snap.Get(key)
		if err := kv.Commit(i.t.Context(), store.NewTx(store.Op{Verb: store.Set, Key: key, Value: text, Index: had.Index})); err != nil {
			i.t.Fatal(err)
		}
	}
}
