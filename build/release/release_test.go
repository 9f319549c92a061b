package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

const (
	tagged = "v0.0.1-test+x"
	commit = 1700000000
)

// Two builds from two folders, of which one is a Git repository with other ideas of flags, are equal byte
// for byte; what they hold is complete, and runs.
func TestReleaseIsReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles the daemon")
	}
	plain, repository := copyTree(t, "plain"), copyTree(t, filepath.Join("with a", "repository"))
	call(t, repository, nil, "git", "init", "-q")
	call(t, repository, nil, "git", "add", "go.mod", "cmd")
	call(t, repository, nil, "git", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "x")
	first := build(t, plain)
	second := build(t, repository, "GOFLAGS=-buildvcs=true -race", "GOAMD64=v2", "GOARM64=v8.1", "CGO_ENABLED=1")
	if names := slices.Sorted(maps.Keys(first)); len(names) != 3 || !slices.Equal(names, slices.Sorted(maps.Keys(second))) {
		t.Fatalf("built %v and %v", names, slices.Sorted(maps.Keys(second)))
	}
	for name, text := range first {
		if !bytes.Equal(text, second[name]) {
			t.Errorf("%s differs between the folders", name)
		}
	}
	call(t, filepath.Join(plain, "out"), nil, "sha256sum", "-c", "--strict", "SHA256SUMS")
	name := fmt.Sprintf("autorollback_%s_linux_%s", tagged, runtime.GOARCH)
	archiveIsWhole(t, first[name+".tar.gz"], name)
	namesEveryModule(t, plain, first[name+".cdx.json"])
}

// copyTree copies the sources as they are in the working tree.
func copyTree(t *testing.T, name string) string {
	t.Helper()
	const root = "../.."
	to := filepath.Join(t.TempDir(), name)
	for file := range strings.SplitSeq(call(t, root, nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil || strings.HasSuffix(file, "_test.go") {
			continue // deleted, and not yet committed; or of no use here
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// build makes a release there, and reads its files.
func build(t *testing.T, dir string, env ...string) map[string][]byte {
	t.Helper()
	program := filepath.Join(t.TempDir(), "release")
	call(t, dir, nil, "go", "build", "-buildvcs=false", "-o", program, "./build/release")
	call(t, dir, env, program, "-version", tagged, "-time", fmt.Sprint(commit), "-out", "out", "-targets", "linux/"+runtime.GOARCH)
	files := map[string][]byte{}
	entries, err := os.ReadDir(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, "out", e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// archiveIsWhole: all files are there with one time and no owner, and the daemon says its version.
func archiveIsWhole(t *testing.T, packed []byte, folder string) {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	dir, seen, archive := t.TempDir(), []string{}, tar.NewReader(zip)
	for {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name, ok := strings.CutPrefix(h.Name, folder+"/")
		if !ok || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || !h.ModTime.Equal(time.Unix(commit, 0)) {
			t.Errorf("%s of %d (%s), at %s", h.Name, h.Uid, h.Uname, h.ModTime)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, os.FileMode(h.Mode)); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, name)
	}
	want := strings.Fields("autorollback LICENSE CHANGELOG.md deploying.md autorollback.service autorollback.env")
	if !slices.Equal(seen, want) {
		t.Errorf("the archive has %v, want %v", seen, want)
	}
	if said := call(t, dir, nil, "./autorollback", "--version"); !strings.Contains(said, tagged) {
		t.Errorf("the daemon says %q", said)
	}
}

// namesEveryModule compares the SBOM with what the go command says that the daemon is made of.
func namesEveryModule(t *testing.T, dir string, text []byte) {
	t.Helper()
	var b cyclonedx.BOM
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&b); err != nil {
		t.Fatal(err)
	}
	if c := b.Metadata.Component; b.SpecVersion != cyclonedx.SpecVersion1_6 || c.Version != tagged || len(*c.Hashes) != 1 {
		t.Errorf("the SBOM is of %+v", c)
	}
	modules := call(t, dir, []string{"GOOS=linux", "CGO_ENABLED=0"},
		"go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}{{end}}{{end}}", "./cmd/autorollback")
	want := strings.Fields(modules)
	slices.Sort(want)
	want = slices.Compact(want)
	var got []string
	for _, c := range *b.Components {
		if c.Name != "stdlib" {
			got = append(got, c.Name+"@"+c.Version)
		} else if "go"+c.Version != runtime.Version() {
			t.Errorf("the standard library is of %s", c.Version)
		}
		if want := "pkg:golang/" + strings.ToLower(c.Name) + "@" + strings.ReplaceAll(c.Version, "+", "%2B"); c.PackageURL != want {
			t.Errorf("%s is %s, want %s", c.Name, c.PackageURL, want)
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) || len(got) < 20 {
		t.Errorf("the SBOM names\n%v, and the daemon is made of\n%v", got, want)
	}
}

// What cannot be reproduced is refused, and so is a folder with other files.
func TestReleaseRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, r := range map[string]release{
		"want a tag":             {version: "v1 -X main.x=y", out: t.TempDir()},
		"differ from the commit": {version: "v1.2.3-dirty", out: t.TempDir()},
		full + " is not empty":   {version: "v1.2.3", out: full},
		`"linux": want OS/ARCH`:  {version: "v1.2.3", out: t.TempDir()},
	} {
		if err := run(r, []string{"linux"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
}

func call(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, out, &errs)
	}
	return string(out)
}
