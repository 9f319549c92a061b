package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/keeper"
)

// copyFolder copies a sealed folder that is as it was sealed. The manifest comes last, so that whoever
// finds one in the archive finds all of its files. What is there already is kept.
func (a archive) copyFolder(ctx context.Context, q keeper.Request) (keeper.Answer, error) {
	found := audit.Check(q.Folder)
	switch {
	case len(found.Problems) > 0:
		return keeper.Answer{}, fmt.Errorf("the folder was altered, and is not copied: %w", found.Problems[0])
	case found.Digest != q.Digest:
		return keeper.Answer{}, fmt.Errorf("the folder's manifest is %s, not %s: it is not copied", found.Digest, q.Digest)
	}
	root, err := os.OpenRoot(q.Folder)
	if err != nil {
		return keeper.Answer{}, err
	}
	defer root.Close()
	manifest, err := root.ReadFile(audit.ManifestName)
	if err != nil {
		return keeper.Answer{}, err
	}
	sums, err := audit.ParseManifest(manifest)
	if err != nil {
		return keeper.Answer{}, err
	}
	for _, name := range append(slices.Sorted(maps.Keys(sums)), audit.ManifestName) {
		sum := sums[name]
		if name == audit.ManifestName {
			sum = hexOf(q.Digest)
		}
		if err := a.copyFile(ctx, root, name, path.Join(q.Name, name), sum); err != nil {
			return keeper.Answer{}, err
		}
	}
	return a.verify(ctx, q)
}

// copyFile writes a file that the archive does not have.
func (a archive) copyFile(ctx context.Context, root *os.Root, name, object, sum string) error {
	has, err := a.read(ctx, object, io.Discard)
	switch {
	case err == nil && has.sum == sum:
		return nil
	case err == nil:
		return fmt.Errorf("the archive has another %s, which is left as it is", object)
	case !lacks(err):
		return err
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return a.write(ctx, object, f)
}

// verify reads back every file of a copy, by the manifest of that digest in the archive.
func (a archive) verify(ctx context.Context, q keeper.Request) (keeper.Answer, error) {
	manifest := short{most: audit.MostManifest}
	has, err := a.read(ctx, path.Join(q.Name, audit.ManifestName), &manifest)
	if err != nil {
		return keeper.Answer{}, err
	}
	if has.sum != hexOf(q.Digest) {
		return keeper.Answer{}, errors.New("the manifest in the archive is another one: sha256:" + has.sum)
	}
	sums, err := audit.ParseManifest(manifest.Bytes())
	if err != nil {
		return keeper.Answer{}, fmt.Errorf("read the manifest in the archive: %w", err)
	}
	out := keeper.Answer{Files: 1, Bytes: has.bytes}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		object := path.Join(q.Name, name)
		has, err := a.read(ctx, object, io.Discard)
		if err != nil {
			return keeper.Answer{}, err
		}
		if has.sum != sums[name] {
			return keeper.Answer{}, fmt.Errorf("%s in the archive is not as its manifest says", object)
		}
		out.Files, out.Bytes = out.Files+1, out.Bytes+has.bytes
	}
	return out, nil
}

// short is a buffer that refuses more than so many bytes.
type short struct {
	bytes.Buffer
	most int
}

// Write implements io.Writer.
func (s *short) Write(p []byte) (int, error) {
	if s.Len()+len(p) > s.most {
		return 0, fmt.Errorf("it is larger than %d bytes", s.most)
	}
	return s.Buffer.Write(p)
}

// hexOf is a digest without the name of its function.
func hexOf(digest string) string { return strings.TrimPrefix(digest, "sha256:") }
