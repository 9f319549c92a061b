// Command release builds what people download: for each target the daemon in an archive, an SBOM
// beside it, and checksums of both. Equal sources give equal bytes, whatever folder they are in.
// It is for maintainers (`make release`), and never uploads, signs or tags anything.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A release is what is built, and the one time that its archives carry.
type release struct {
	version string
	out     string
	at      time.Time
}

// versions can stand in a file's name and in a linker's flag.
var versions = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+_-]*$`)

func main() {
	version := flag.String("version", "", "the version that the binaries say; the archives are named after it")
	out := flag.String("out", "bin/release", "the folder for the files, empty or new")
	targets := flag.String("targets", "linux/amd64,linux/arm64", "OS/ARCH, separated by commas")
	at := flag.Int64("time", 0, "the time of the files in the archives, in Unix seconds: the commit's")
	flag.Parse()
	if err := run(release{*version, *out, time.Unix(*at, 0).UTC()}, strings.Split(*targets, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "release: "+err.Error())
		os.Exit(1)
	}
}

func run(r release, targets []string) error {
	if !versions.MatchString(r.version) {
		return fmt.Errorf("version %q: want a tag such as v1.2.3", r.version)
	}
	if strings.HasSuffix(r.version, "-dirty") {
		return errors.New("files differ from the commit: commit them, or set VERSION yourself")
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	if before, err := os.ReadDir(r.out); err != nil || len(before) > 0 {
		return errors.Join(err, fmt.Errorf("%s is not empty: the checksums are of a whole folder", r.out))
	}
	for _, target := range targets {
		goos, goarch, ok := strings.Cut(target, "/")
		if !ok {
			return fmt.Errorf("target %q: want OS/ARCH", target)
		}
		if err := r.target(goos, goarch); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
	}
	return writeSums(r.out)
}

// target writes one target's archive and SBOM.
func (r release) target(goos, goarch string) error {
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	binary, name := filepath.Join(work, "autorollback"), fmt.Sprintf("autorollback_%s_%s_%s", r.version, goos, goarch)
	if err := r.compile(goos, goarch, binary); err != nil {
		return err
	}
	bom := filepath.Join(r.out, name+".cdx.json")
	if err := writeSBOM(bom, binary, r.version); err != nil {
		return err
	}
	return writeArchive(filepath.Join(r.out, name+".tar.gz"), name, r.at, append([]member{{binary, "autorollback", 0o755}}, besides...))
}
