package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// A Problem is one thing wrong with a folder of evidence.
type Problem struct {
	File string // relative to the folder checked
	What string
}

// Error implements error.
func (p Problem) Error() string { return p.File + ": " + p.What }

// Found is what a check of a folder found.
type Found struct {
	Incident string // whose the manifest says it is; empty: an older version wrote it
	Digest   string // of the manifest, "sha256:…"; empty: it cannot be read
	Files    int    // in the manifest
	Problems []Problem
}

// Check compares a folder (of an incident, or one stage of it) with its MANIFEST.sha256 and finds
// what is altered, missing, extra, no plain file, named elsewhere as well, or open to others, in
// order. Whoever can write the folder can write the manifest: only its digest, held against one that
// was kept elsewhere, says that it is as it was. No link is followed, and what is read is bounded.
func Check(dir string) Found { return check(dir, false) }

// check is [Check]; settling: other replicas may be about to lose the race for a stage or the seal,
// so that what they leave for a moment, partial files and second names, is passed over.
func check(dir string, settling bool) Found {
	var f Found
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		f.bad(".", "not a folder, or a link to one")
		return f
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		f.bad(".", reason(err))
		return f
	}
	defer root.Close()
	text, err := readBounded(root, ManifestName, MostManifest)
	if err != nil {
		f.bad(ManifestName, reason(err))
		return f
	}
	f.Digest = "sha256:" + sum(text)
	f.Incident, _, _, _ = identified(text)
	want, err := ParseManifest(text)
	if err != nil {
		f.bad(ManifestName, err.Error())
		return f
	}
	f.Files = len(want)
	w := walk{root: root, want: want, dirs: folders(want), seen: map[string]bool{}, found: &f, settling: settling}
	w.folder(".")
	for name := range want {
		if !w.seen[name] {
			f.bad(name, "missing")
		}
	}
	slices.SortFunc(f.Problems, func(a, b Problem) int { return strings.Compare(a.File+a.What, b.File+b.What) })
	return f
}

func (f *Found) bad(file, what string) { f.Problems = append(f.Problems, Problem{file, what}) }

// folders are those that a manifest's files lie in.
func folders(want map[string]string) map[string]bool {
	dirs := map[string]bool{".": true}
	for name := range maps.Keys(want) {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	return dirs
}

// A walk looks at every file of a folder, and only at folders that the manifest has.
type walk struct {
	root  *os.Root
	want  map[string]string
	dirs  map[string]bool
	seen  map[string]bool
	found *Found
	files int
	bytes int64

	settling bool
}

func (w *walk) folder(dir string) {
	d, err := w.root.Open(dir)
	if err != nil {
		w.found.bad(dir, reason(err))
		return
	}
	defer d.Close()
	if info, err := d.Stat(); err == nil && info.Mode().Perm()&^0o755 != 0 {
		w.found.bad(dir, fmt.Sprintf("others may write it: mode %04o", info.Mode().Perm()))
	}
	for {
		names, err := d.Readdirnames(256)
		for _, name := range names {
			if w.files++; w.files > mostFiles {
				w.found.bad(dir, fmt.Sprintf("more than %d files; the others were not looked at", mostFiles))
				return
			}
			w.entry(path.Join(dir, name))
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				w.found.bad(dir, reason(err))
			}
			return
		}
	}
}

func (w *walk) entry(name string) {
	info, err := w.root.Lstat(name)
	switch _, listed := w.want[name]; {
	case w.settling && strings.HasPrefix(path.Base(name), partial):
	case err != nil:
		w.found.bad(name, reason(err))
	case info.IsDir() && w.dirs[name]:
		w.folder(name)
	case name == ManifestName:
		w.mode(name, info)
	case !listed:
		w.found.bad(name, "not in the manifest")
	case !info.Mode().IsRegular():
		w.found.bad(name, errNotPlain.Error())
	default:
		w.seen[name] = true
		w.mode(name, info)
		w.hash(name)
	}
}

// mode: files are written read-only; a copy may let its owner write.
func (w *walk) mode(name string, info os.FileInfo) {
	if m := info.Mode(); m.Perm()&^0o644 != 0 || m&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) != 0 {
		w.found.bad(name, "its mode is not that of evidence: "+m.String())
	}
	if names(info) > 1 && !w.settling {
		w.found.bad(name, fmt.Sprintf("has %d names: it can be written by another one", names(info)))
	}
}

func (w *walk) hash(name string) {
	f, info, err := openPlain(w.root, name)
	if err != nil {
		w.found.bad(name, reason(err))
		return
	}
	defer f.Close()
	if w.bytes += info.Size(); info.Size() > mostFile || w.bytes > mostBytes {
		w.found.bad(name, "too large for evidence; not read")
		return
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, mostFile)); err != nil {
		w.found.bad(name, reason(err))
		return
	}
	if hex.EncodeToString(h.Sum(nil)) != w.want[name] {
		w.found.bad(name, "altered")
	}
}

func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
