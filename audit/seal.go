package audit

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Seal writes the pages (name to content, e.g. "incident.md") and then the MANIFEST.sha256 over
// every file of the incident, and returns the folder and the manifest's digest. It refuses if a
// stage was altered since its capture. A folder is sealed once: sealing it again changes nothing,
// whatever the pages say, and returns the digest that it has, or what was altered since.
func (f Folder) Seal(inc record.Incident, keep runbook.Duration, pages map[string][]byte) (dir, digest string, err error) {
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return "", "", fmt.Errorf("seal: %w", err)
	}
	root, home, err := f.open(inc)
	if err != nil {
		return "", "", fmt.Errorf("seal: %w", err)
	}
	defer root.Close()
	if !exists(root, path.Join(home, ManifestName)) {
		err = f.seal(root, home, inc, keep, pages)
	}
	if err != nil && !exists(root, path.Join(home, ManifestName)) { // else another replica was first
		return "", "", fmt.Errorf("seal: %w", err)
	}
	gcPartial(root, home)
	dir = filepath.Join(f.Dir, home)
	found := check(dir, true)
	if len(found.Problems) > 0 {
		return "", "", fmt.Errorf("seal: %s was altered: %w", home, found.Problems[0])
	}
	return dir, found.Digest, nil
}

func (f Folder) seal(root *os.Root, home string, inc record.Incident, keep runbook.Duration, pages map[string][]byte) error {
	stages, err := f.stages(root, home)
	if err != nil {
		return err
	}
	want, err := contents(root, home, stages)
	if err != nil {
		return err
	}
	if err := root.MkdirAll(home, 0o755); err != nil {
		return err
	}
	for name, page := range pages {
		want[safeName(name)] = sum(page)
		if err := putPage(root, path.Join(home, safeName(name)), page); err != nil {
			return err
		}
	}
	if err := linkOnce(root, path.Join(home, ManifestName), sealed(inc, keep, want)); err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Join(f.Dir, home)), syncDir(f.Dir))
}

// putPage writes a page of a folder that is not sealed, in place of what a crash left.
func putPage(root *os.Root, name string, content []byte) error {
	if old, err := readBounded(root, name, int64(len(content))); err == nil && bytes.Equal(old, content) {
		return nil
	}
	temp := tempName(name)
	err := writeOnce(root, temp, content)
	if err == nil {
		err = root.Rename(temp, name)
	}
	return err
}

// linkOnce writes a file that appears whole, and fails if there is one.
func linkOnce(root *os.Root, name string, content []byte) error {
	temp := tempName(name)
	err := writeOnce(root, temp, content)
	if err == nil {
		err = root.Link(temp, name)
	}
	return errors.Join(err, root.Remove(temp))
}

func tempName(name string) string {
	return path.Join(path.Dir(name), partial+path.Base(name)+"-"+rand.Text())
}

// gcPartial removes what crashes left half-written in a folder that is sealed. A replica that is still
// writing it has lost the race, and does not mind.
func gcPartial(root *os.Root, home string) {
	dir, err := root.Open(home)
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(mostFiles)
	for _, name := range names {
		if strings.HasPrefix(name, partial) {
			_ = root.RemoveAll(path.Join(home, name)) // Check names what stays
		}
	}
}

// sealed is the manifest with a head of comments, which sha256sum skips.
func sealed(inc record.Incident, keep runbook.Duration, sums map[string]string) []byte {
	var head bytes.Buffer
	fmt.Fprintln(&head, identity(inc))
	fmt.Fprintf(&head, "# evidence of service %q in region %q\n", record.Truncate(inc.Service, 80), record.Truncate(inc.Region, 80))
	fmt.Fprintf(&head, "# verify with: sha256sum --check %s\n", ManifestName)
	fmt.Fprintf(&head, "# tamper-evident, not tamper-proof: \"autorollback incident check\" compares this file's own sha256 with the store's\n")
	if keep > 0 {
		fmt.Fprintf(&head, "# keep until %s; the daemon removes it only from its own disk, once an archive has it\n", inc.OpenedAt.Add(keep.Std()).UTC().Format(time.DateOnly))
	}
	return append(head.Bytes(), manifest(sums)...)
}

// contents are the hashes of the stages' files as their own manifests have them, and
// of those manifests.
func contents(root *os.Root, home string, stages []Stage) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range stages {
		text, err := readBounded(root, path.Join(home, s.Name, ManifestName), MostManifest)
		if err != nil {
			return nil, err
		}
		sums, err := ParseManifest(text)
		if err != nil {
			return nil, err
		}
		out[s.Name+"/"+ManifestName] = sum(text)
		for name, hash := range sums {
			out[s.Name+"/"+name] = hash
		}
	}
	return out, nil
}
