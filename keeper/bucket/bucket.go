// Package bucket does the helper's tasks in a bucket of any object store: it copies sealed evidence,
// reads all of it back, and tries the bucket out.
//
// It knows no object store; the program that links them opens the bucket. It never writes over an object,
// never deletes one but its own test object, and never says that something is there which it has not read.
package bucket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/autorollback/autorollback/keeper"
)

// Do does a task in a bucket.
func Do(ctx context.Context, b *blob.Bucket, q keeper.Request) (keeper.Answer, error) {
	a := archive{b}
	switch q.Task {
	case keeper.Probe:
		return a.probe(ctx)
	case keeper.Archive:
		return a.copyFolder(ctx, q)
	case keeper.Verify:
		return a.verify(ctx, q)
	}
	return keeper.Answer{}, fmt.Errorf("there is no task %q", q.Task)
}

// An archive is a bucket whose objects are written once.
type archive struct{ bucket *blob.Bucket }

// A content is how much an object holds, and its hash.
type content struct {
	sum   string // hex
	bytes int64
}

// read reads an object back, whole.
func (a archive) read(ctx context.Context, name string, into io.Writer) (content, error) {
	r, err := a.bucket.NewReader(ctx, name, nil)
	if err != nil {
		return content{}, fmt.Errorf("read back %s: %w", name, err)
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(h, into), r)
	if err != nil {
		return content{}, fmt.Errorf("read back %s: %w", name, err)
	}
	return content{hex.EncodeToString(h.Sum(nil)), n}, nil
}

// write writes an object where there is none.
func (a archive) write(ctx context.Context, name string, from io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := a.bucket.NewWriter(ctx, name, &blob.WriterOptions{ContentType: "application/octet-stream"})
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if _, err := io.Copy(w, from); err != nil {
		cancel() // so that closing it leaves nothing behind
		_ = w.Close()
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// lacks reports whether an error says that there is no such object.
func lacks(err error) bool { return gcerrors.Code(err) == gcerrors.NotFound }
