package images

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/autorollback/autorollback/keeper"
)

// pushed is a repository of a real registry, with so many images in it, by digest alone.
func pushed(t *testing.T, n int) (repository string, images []string) {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	repository = strings.TrimPrefix(server.URL, "http://") + "/ranker"
	for range n {
		image, err := random.Image(64, 1)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.NewDigest(repository + "@" + digest.String())
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, image); err != nil {
			t.Fatal(err)
		}
		images = append(images, ref.String())
	}
	return repository, images
}

const absent = "@sha256:0000000000000000000000000000000000000000000000000000000000000000"

// An image that is there is found, one that is not is not, and a registry that does not answer is an error.
func TestFind(t *testing.T) {
	repository, images := pushed(t, 1)
	for image, found := range map[string]bool{images[0]: true, repository + absent: false} {
		if a, err := Do(t.Context(), keeper.Request{Task: keeper.FindImage, Image: image}); err != nil || a.Found != found {
			t.Errorf("%s: %+v, %v", image, a, err)
		}
	}
	silent := httptest.NewServer(nil)
	silent.Close()
	for _, image := range []string{strings.TrimPrefix(silent.URL, "http://") + "/ranker" + absent, "ranker:latest", ""} {
		if a, err := Do(t.Context(), keeper.Request{Task: keeper.FindImage, Image: image}); err == nil {
			t.Errorf("%q: %+v", image, a)
		}
	}
}

// A held image has the tag, and keeps it; a tag that is another image's is not moved.
func TestHold(t *testing.T) {
	repository, images := pushed(t, 2)
	q := keeper.Request{Task: keeper.HoldImage, Image: images[0], Tag: "autorollback-inc-1-x"}
	for range 2 {
		if a, err := Do(t.Context(), q); err != nil || !a.Found {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	other := q
	other.Image = images[1]
	if a, err := Do(t.Context(), other); err == nil || !strings.Contains(err.Error(), "another image") {
		t.Errorf("another image by this tag: %+v, %v", a, err)
	}
	tag, err := name.NewTag(repository + ":" + q.Tag)
	if err != nil {
		t.Fatal(err)
	}
	if is, err := remote.Head(tag); err != nil || !strings.HasSuffix(images[0], is.Digest.String()) {
		t.Errorf("the tag is %+v, %v; the image is %s", is, err, images[0])
	}
	other.Image = repository + absent
	if a, err := Do(t.Context(), other); err == nil {
		t.Errorf("an image that is not there: %+v", a)
	}
}
