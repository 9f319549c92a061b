package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A folder that is not what was sealed is named, whatever was put there, and looking at it ends:
// nothing follows a link, waits at a pipe, or reads more than evidence can have.
func TestCheckIsNotLedAstray(t *testing.T) {
	big := func(path string, size int64) error {
		return errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, size))
	}
	at := func(home string, name ...string) string { return filepath.Join(append([]string{home}, name...)...) }
	again := func(home, name string) error { return os.Remove(at(home, name)) }
	for name, c := range map[string]struct {
		spoil func(home string) error
		want  string
	}{
		"a partial file": {func(home string) error { return os.WriteFile(at(home, ".partial-x"), nil, 0o444) }, ".partial-x: not in the manifest"},
		"a partial folder": {func(home string) error {
			return errors.Join(os.Mkdir(at(home, ".partial-before-x"), 0o755), os.WriteFile(at(home, ".partial-before-x", "y"), nil, 0o444))
		}, ".partial-before-x: not in the manifest"},
		"an empty folder": {func(home string) error { return os.Mkdir(at(home, "later"), 0o755) }, "later: not in the manifest"},
		"a pipe":          {func(home string) error { return syscall.Mkfifo(at(home, "x"), 0o444) }, "x: not in the manifest"},
		"a pipe as a page": {func(home string) error {
			return errors.Join(again(home, "incident.md"), syscall.Mkfifo(at(home, "incident.md"), 0o444))
		}, "incident.md: not a plain file"},
		"a pipe as the manifest": {func(home string) error {
			return errors.Join(again(home, ManifestName), syscall.Mkfifo(at(home, ManifestName), 0o444))
		},
			ManifestName + ": not a plain file"},
		"an endless manifest": {func(home string) error {
			return errors.Join(again(home, ManifestName), os.Symlink("/dev/zero", at(home, ManifestName)))
		},
			ManifestName + ": not a plain file"},
		"a large manifest": {func(home string) error {
			return errors.Join(again(home, ManifestName), big(at(home, ManifestName), 1<<40))
		},
			ManifestName + ": larger than 1 MiB"},
		"a large page": {func(home string) error {
			return errors.Join(again(home, "incident.md"), big(at(home, "incident.md"), 1<<40))
		}, "incident.md: too large for evidence; not read"},
		"a hard link":    {func(home string) error { return os.Link(at(home, "incident.md"), at(filepath.Dir(home), "elsewhere")) }, "incident.md: has 2 names: it can be written by another one"},
		"an open page":   {func(home string) error { return os.Chmod(at(home, "incident.md"), 0o666) }, "incident.md: its mode is not that of evidence: -rw-rw-rw-"},
		"a program":      {func(home string) error { return os.Chmod(at(home, "incident.md"), 0o755|os.ModeSetuid) }, "incident.md: its mode is not that of evidence: urwxr-xr-x"},
		"an open folder": {func(home string) error { return os.Chmod(at(home, "before"), 0o777) }, "before: others may write it: mode 0777"},
		"a stage elsewhere": {func(home string) error {
			return errors.Join(os.Rename(at(home, "before"), at(filepath.Dir(home), "b")), os.Symlink("../b", at(home, "before")))
		}, "before: not in the manifest"},
		"a link for the folder": {func(home string) error { return errors.Join(os.Rename(home, home+"-x"), os.Symlink(home+"-x", home)) }, ".: not a folder, or a link to one"},
		"a name that leads out": {func(home string) error {
			return extend(at(home, ManifestName), strings.Repeat("0", 64)+"  ../elsewhere\n")
		},
			ManifestName + `: "../elsewhere" is twice in it, or no name of a file in this folder`},
		"a name twice": {func(home string) error {
			return extend(at(home, ManifestName), strings.Repeat("0", 64)+"  incident.md\n")
		},
			ManifestName + `: "incident.md" is twice in it, or no name of a file in this folder`},
		"very many files": {func(home string) error {
			for n := range mostFiles {
				if err := os.WriteFile(at(home, "before", fmt.Sprint("x", n)), nil, 0o444); err != nil {
					return err
				}
			}
			return nil
		}, fmt.Sprintf("before: more than %d files; the others were not looked at", mostFiles)},
	} {
		t.Run(name, func(t *testing.T) {
			f := Folder{Dir: t.TempDir()}
			capture(t, f, Before, map[string][]byte{"queries.json": []byte("one")})
			home, _, err := f.Seal(recovered, 0, map[string][]byte{"incident.md": []byte("page")})
			if err != nil || len(Check(home).Problems) > 0 {
				t.Fatal(err, Check(home).Problems)
			}
			if err := c.spoil(home); err != nil {
				t.Fatal(err)
			}
			found := Check(home)
			if !slices.ContainsFunc(found.Problems, func(p Problem) bool { return p.Error() == c.want }) {
				t.Errorf("found %.500s, want %s", said(found.Problems), c.want)
			}
		})
	}
}

func extend(path, text string) error {
	old, err := os.ReadFile(path)
	return errors.Join(err, os.Chmod(path, 0o644), os.WriteFile(path, append(old, text...), 0o644))
}

// Page and manifest rewritten together are whole in themselves: the digest that was kept elsewhere
// tells.
func TestADigestKeptElsewhereTells(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	capture(t, f, Before, map[string][]byte{"queries.json": []byte("one")})
	home, digest, err := f.Seal(recovered, 0, map[string][]byte{"incident.md": []byte("page")})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, ManifestName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	spoil(t, filepath.Join(home, "incident.md"), "all was well")
	spoil(t, path, strings.Replace(string(text), sum([]byte("page")), sum([]byte("all was well")), 1))
	found := Check(home)
	if len(found.Problems) > 0 || found.Digest == digest || found.Incident != recovered.ID {
		t.Errorf("found %+v; it was sealed as %s", found, digest)
	}
}
