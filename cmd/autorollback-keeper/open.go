package main

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/fileblob"  // file://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://

	"github.com/autorollback/autorollback/keeper"
)

// open opens an archive. A folder must be there: one that is made where a disk is not mounted would be on
// the machine that the archive is to outlive.
func open(ctx context.Context, address string) (*blob.Bucket, error) {
	if err := keeper.CheckArchive(address); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "file" {
		q := u.Query()
		q.Set("metadata", "skip")   // no second file beside each: the copy is as sha256sum wants it
		q.Set("no_tmp_dir", "true") // a file is not moved from one disk to another
		q.Set("dir_file_mode", "0755")
		u.RawQuery = q.Encode()
	}
	return blob.OpenBucket(ctx, u.String())
}

// settle brings a copy in a folder onto the disk, as a bucket does before it answers.
func settle(q keeper.Request) error {
	u, err := url.Parse(q.Archive)
	if err != nil || u.Scheme != "file" {
		return err
	}
	home := filepath.Join(u.Path, u.Query().Get("prefix"), filepath.FromSlash(q.Name))
	return filepath.WalkDir(home, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
