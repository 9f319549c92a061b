package audit

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/secret"
)

// A Folder keeps the evidence of incidents under Dir, one folder each:
//
//	<incident>/before/…  <incident>/after/…   captured before and after the traffic left
//	<incident>/incident.md, incident.html     the pages, once sealed
//	<incident>/MANIFEST.sha256                the hash of every file, as sha256sum reads it
//
// Files are written once, synced and made read-only. That is tamper-evident, not
// tamper-proof: who owns the disk can rewrite a folder and its manifest, but not the
// digest that the journal and the messages have carried away.
type Folder struct{ Dir string }

// The stages of a capture.
const (
	Before = "before"
	After  = "after"
)

// A Stage is one completed capture.
type Stage struct {
	Name   string // [Before] or [After]
	Path   string
	Files  int
	Digest string // of the stage's own manifest, "sha256:…"
}

const (
	manifestName = "MANIFEST.sha256"
	partial      = ".partial-" // prefix of a stage being written
)

var incidentForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,79}$`)

// Capture writes the parts (name to content) as one stage and returns its path and
// the digest of its manifest. A stage appears whole or not at all, and is never
// written twice: if it is there already (another replica, or ourselves before a
// crash), it is verified, and its own digest returned. Names are made safe, and
// values that look like secrets are redacted.
func (f Folder) Capture(inc record.Incident, stage string, parts map[string][]byte) (path, digest string, err error) {
	if stage != Before && stage != After {
		return "", "", fmt.Errorf("capture evidence: stage %q is neither %q nor %q", stage, Before, After)
	}
	if !incidentForm.MatchString(inc.ID) {
		return "", "", fmt.Errorf("capture evidence: %q is no incident id", inc.ID)
	}
	path = filepath.Join(f.Dir, inc.ID, stage)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := f.write(inc.ID, stage, parts); err != nil {
			return "", "", fmt.Errorf("capture evidence: %w", err)
		}
	}
	s, err := readStage(path, stage)
	if err != nil {
		return "", "", fmt.Errorf("capture evidence: %w", err)
	}
	return path, s.Digest, nil
}

// write makes the stage under another name and renames it. Losing the race for the
// name is no error: the winner's is as good.
func (f Folder) write(incident, stage string, parts map[string][]byte) error {
	home := filepath.Join(f.Dir, incident)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(home, partial+stage+"-")
	if err != nil {
		return err
	}
	final := filepath.Join(home, stage)
	err = fill(temp, parts)
	if err == nil {
		err = os.Rename(temp, final)
	}
	if err != nil {
		_ = os.RemoveAll(temp)
		if _, there := os.Lstat(final); there == nil {
			return nil
		}
		return err
	}
	return errors.Join(syncDir(home), syncDir(f.Dir))
}

func fill(dir string, parts map[string][]byte) error {
	// Captured evidence is for the team that owns the incident, which may be another
	// user than the daemon's.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	sums := map[string]string{}
	for name, content := range parts {
		name = safeName(name)
		content = secret.Redact(content)
		if err := writeOnce(filepath.Join(dir, name), content); err != nil {
			return err
		}
		sums[name] = sum(content)
	}
	if err := writeOnce(filepath.Join(dir, manifestName), manifest(sums)); err != nil {
		return err
	}
	return syncDir(dir)
}

// Stages returns the completed captures of an incident, verified, in order.
func (f Folder) Stages(incident string) ([]Stage, error) {
	if !incidentForm.MatchString(incident) {
		return nil, fmt.Errorf("read evidence: %q is no incident id", incident)
	}
	var out []Stage
	for _, name := range []string{Before, After} {
		s, err := readStage(filepath.Join(f.Dir, incident, name), name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read evidence: %w", err)
		}
		out = append(out, s)
	}
	return out, nil
}

// Read returns a part of an incident, of the newest stage that has it. The stage is verified
// first. An error wraps [fs.ErrNotExist] where no stage has the part.
func (f Folder) Read(incident, part string) ([]byte, error) {
	stages, err := f.Stages(incident)
	if err != nil {
		return nil, err
	}
	for _, s := range slices.Backward(stages) {
		text, err := os.ReadFile(filepath.Join(s.Path, safeName(part)))
		if !errors.Is(err, fs.ErrNotExist) {
			return text, err
		}
	}
	return nil, fmt.Errorf("read %s of %s: %w", part, incident, fs.ErrNotExist)
}

func readStage(path, name string) (Stage, error) {
	text, err := os.ReadFile(filepath.Join(path, manifestName))
	if err != nil {
		return Stage{}, err
	}
	if problems := Check(path); len(problems) > 0 {
		return Stage{}, fmt.Errorf("%s was altered: %w", path, problems[0])
	}
	want, _ := parseManifest(text)
	return Stage{Name: name, Path: path, Files: len(want), Digest: "sha256:" + sum(text)}, nil
}

// safeName maps a part's name to a file name, one to one: letters, digits, dots,
// dashes and underscores stay, all else becomes %XX, and a long name ends in its
// hash. No name begins with a dot, or is our manifest's.
func safeName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			c == '-' || c == '_' || c == '.' && i > 0
		if plain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	out := b.String()
	switch {
	case out == "":
		return "%"
	case out == manifestName:
		return "%4D" + out[1:]
	case len(out) > 120:
		return out[:80] + "%" + sum([]byte(name))[:32]
	}
	return out
}

func writeOnce(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Chmod(0o444), f.Sync(), f.Close())
}

// replaceFile writes the content under another name and renames it over path.
func replaceFile(path string, content []byte) error {
	temp := filepath.Join(filepath.Dir(path), partial+filepath.Base(path)+"-"+rand.Text())
	if err := writeOnce(temp, content); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
