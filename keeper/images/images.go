// Package images does the helper's tasks in a registry of container images: it finds out whether an image
// is there, and gives it a tag by which it stays.
//
// It never moves a tag to another image, never deletes one, and never pulls an image's layers.
package images

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/autorollback/autorollback/keeper"
)

// Do does a task. Credentials are those that Docker's configuration names.
func Do(ctx context.Context, q keeper.Request) (keeper.Answer, error) {
	ref, err := name.NewDigest(q.Image)
	if err != nil {
		return keeper.Answer{}, err
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent(keeper.Name)}
	switch q.Task {
	case keeper.FindImage:
		return find(ref, options)
	case keeper.HoldImage:
		return hold(ref, q.Tag, options)
	}
	return keeper.Answer{}, fmt.Errorf("there is no task %q", q.Task)
}

// find asks for the image. That there is none is an answer; that the registry says nothing is an error.
func find(ref name.Digest, options []remote.Option) (keeper.Answer, error) {
	_, err := remote.Get(ref, options...)
	if missing(err) {
		return keeper.Answer{}, nil
	}
	return keeper.Answer{Found: err == nil}, err
}

func hold(ref name.Digest, tag string, options []remote.Option) (keeper.Answer, error) {
	image, err := remote.Get(ref, options...)
	if err != nil {
		return keeper.Answer{}, fmt.Errorf("get image: %w", err)
	}
	at, err := name.NewTag(ref.Context().Name() + ":" + tag)
	if err != nil {
		return keeper.Answer{}, err
	}
	was, err := remote.Head(at, options...)
	switch {
	case err == nil && was.Digest == image.Digest:
		return keeper.Answer{Found: true}, nil
	case err == nil:
		return keeper.Answer{}, fmt.Errorf("the tag %s is another image's, and stays so", at)
	case !missing(err):
		return keeper.Answer{}, fmt.Errorf("look for the tag: %w", err)
	}
	if err := remote.Tag(at, image, options...); err != nil {
		return keeper.Answer{}, fmt.Errorf("write the tag: %w", err)
	}
	is, err := remote.Head(at, options...)
	if err == nil && is.Digest != image.Digest {
		err = fmt.Errorf("the tag %s is %s after it was written", at, is.Digest)
	}
	return keeper.Answer{Found: err == nil}, err
}

// missing reports whether a registry said that it has no such image.
func missing(err error) bool {
	var t *transport.Error
	return errors.As(err, &t) && t.StatusCode == http.StatusNotFound
}
