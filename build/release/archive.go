package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// A member is a file of an archive: where it is, and what it is called there.
type member struct {
	from, name string
	mode       int64
}

// besides are the files beside the daemon.
var besides = []member{
	{"LICENSE", "LICENSE", 0o644},
	{"CHANGELOG.md", "CHANGELOG.md", 0o644},
	{"docs/deploying.md", "deploying.md", 0o644},
	{"deploy/systemd/autorollback.service", "autorollback.service", 0o644},
	{"deploy/systemd/autorollback.env", "autorollback.env", 0o644},
}

// writeArchive writes a tar.gz that tells nothing of who made it: one time, no owner, given modes.
func writeArchive(file, folder string, at time.Time, members []member) error {
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(zip)
	for _, m := range members {
		text, err := os.ReadFile(m.from)
		if err != nil {
			return err
		}
		header := tar.Header{Name: path.Join(folder, m.name), Mode: m.mode, Size: int64(len(text)), ModTime: at, Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(&header); err != nil {
			return err
		}
		if _, err := archive.Write(text); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	return os.WriteFile(file, packed.Bytes(), 0o644)
}

// writeSums writes SHA256SUMS of all files of a folder, as sha256sum -c reads it.
func writeSums(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(text), e.Name())
	}
	return os.WriteFile(filepath.Join(folder, "SHA256SUMS"), []byte(sums.String()), 0o644)
}
