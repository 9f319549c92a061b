package audit

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
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
//	<incident>/before-NAME/…, after-NAME/…    what a source of samples or logs gave, at the decision and after recovery
//	<incident>/followup/…                     what comes after it, for people to edit
//	<incident>/incident.md, incident.html     the pages, once sealed
//	<incident>/MANIFEST.sha256                the hash of every file, as sha256sum reads it
//
// Files are written once, synced and made read-only. A second incident of an id, as after a store was
// restored, has the folder <incident>.2, and so on: what is sealed is never touched. That is
// tamper-evident, not tamper-proof: who owns the disk can rewrite a folder and its manifest, but not
// the digest that the store and the messages have carried away.
type Folder struct{ Dir string }

// The stages of a capture. [StageOf] names those that one source gives.
const (
	Before   = "before"
	After    = "after"
	FollowUp = "followup"
)

// StageOf is the stage of what a source gave, by its name in the runbook, beside Before or After.
func StageOf(stage, source string) string { return stage + "-" + source }

var stageForm = regexp.MustCompile(`^(?:(?:before|after)(?:-[a-z0-9][a-z0-9-]{0,62})?|followup)$`)

// A Stage is one completed capture.
type Stage struct {
	Name   string // [Before], [After], [FollowUp], or as of [StageOf]
	Path   string
	Files  int
	Digest string // of the stage's own manifest, "sha256:…"
}

const (
	ManifestName = "MANIFEST.sha256" // the file that seals a folder
	partial      = ".partial-"       // prefix of what is being written
)

// Capture writes the parts (name to content) as one stage and returns its path and
// the digest of its manifest. A stage appears whole or not at all, and is never
// written twice: if it is there already (another replica, or ourselves before a
// crash), it is verified, and its own digest returned. Names are made safe, and
// values that look like secrets are redacted.
func (f Folder) Capture(inc record.Incident, stage string, parts map[string][]byte) (path, digest string, err error) {
	if !stageForm.MatchString(stage) {
		return "", "", fmt.Errorf("capture evidence: stage %q is none of %q, %q and %q, nor a source's beside the first two", stage, Before, After, FollowUp)
	}
	s, err := f.capture(inc, stage, parts)
	if err != nil {
		return "", "", fmt.Errorf("capture evidence: %w", err)
	}
	return s.Path, s.Digest, nil
}

func (f Folder) capture(inc record.Incident, stage string, parts map[string][]byte) (Stage, error) {
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return Stage{}, err
	}
	root, home, err := f.open(inc)
	if err != nil {
		return Stage{}, err
	}
	defer root.Close()
	if !exists(root, path.Join(home, stage)) {
		if exists(root, path.Join(home, ManifestName)) {
			return Stage{}, fmt.Errorf("%s is sealed, and has no stage %s", home, stage)
		}
		if err := f.write(root, home, inc, stage, parts); err != nil {
			return Stage{}, err
		}
	}
	return readStage(filepath.Join(f.Dir, home, stage), stage)
}

// open opens the folder of all incidents, and finds this one's.
func (f Folder) open(inc record.Incident) (*os.Root, string, error) {
	root, err := os.OpenRoot(f.Dir)
	if err != nil {
		return nil, "", err
	}
	home, err := attemptOf(root, inc)
	if err != nil {
		return nil, "", errors.Join(err, root.Close())
	}
	return root, home, nil
}

// write makes the stage under another name and renames it. Losing the race for the
// name is no error: the winner's is as good.
func (f Folder) write(root *os.Root, home string, inc record.Incident, stage string, parts map[string][]byte) error {
	if err := root.MkdirAll(home, 0o755); err != nil {
		return err
	}
	temp, final := path.Join(home, partial+stage+"-"+rand.Text()), path.Join(home, stage)
	err := fill(root, temp, inc, parts)
	if err == nil {
		err = root.Rename(temp, final)
	}
	if err != nil {
		_ = root.RemoveAll(temp)
		if exists(root, final) {
			return nil
		}
		return err
	}
	return errors.Join(syncDir(filepath.Join(f.Dir, home)), syncDir(f.Dir))
}

// fill writes a stage. Captured evidence is for the team that owns the incident, which may be
// another user than the daemon's.
func fill(root *os.Root, dir string, inc record.Incident, parts map[string][]byte) error {
	if err := errors.Join(root.Mkdir(dir, 0o755), root.Chmod(dir, 0o755)); err != nil {
		return err
	}
	sums := map[string]string{}
	for name, content := range parts {
		name = safeName(name)
		content = secret.Redact(content)
		if err := writeOnce(root, path.Join(dir, name), content); err != nil {
			return err
		}
		sums[name] = sum(content)
	}
	text := append([]byte(identity(inc)+"\n"), manifest(sums)...)
	if err := writeOnce(root, path.Join(dir, ManifestName), text); err != nil {
		return err
	}
	return syncDir(filepath.Join(root.Name(), dir))
}

// Stages returns the completed captures of an incident, verified, in order.
func (f Folder) Stages(inc record.Incident) ([]Stage, error) {
	root, home, err := f.open(inc)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil // nothing was ever captured
	case err != nil:
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	defer root.Close()
	out, err := f.stages(root, home)
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	return out, nil
}

// stageNames are the stages that a folder has, in the order in which they are captured: those of before, those of
// after, what comes after it.
func stageNames(root *os.Root, home string) []string {
	dir, err := root.Open(home)
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(mostFiles)
	names = slices.DeleteFunc(names, func(name string) bool { return !stageForm.MatchString(name) })
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return names
}

func rank(stage string) int {
	return slices.IndexFunc([]string{Before, After, FollowUp}, func(first string) bool { return strings.HasPrefix(stage, first) })
}

func (f Folder) stages(root *os.Root, home string) ([]Stage, error) {
	var out []Stage
	for _, name := range stageNames(root, home) {
		s, err := readStage(filepath.Join(f.Dir, home, name), name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// Read returns a part of an incident, of the newest stage that has it, see [Folder.ReadAll]. The stages are verified
// first. An error wraps [fs.ErrNotExist] where no stage has the part.
func (f Folder) Read(inc record.Incident, part string) ([]byte, error) {
	all, err := f.ReadAll(inc, part)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("read %s of %s: %w", part, inc.ID, fs.ErrNotExist)
	}
	return all[len(all)-1].Text, nil
}

// A Part is a file of a stage.
type Part struct {
	Stage string
	Text  []byte
}

// ReadAll returns a part of an incident from every stage that has it, the oldest first. The stages are verified first.
func (f Folder) ReadAll(inc record.Incident, part string) (all []Part, err error) {
	stages, err := f.Stages(inc)
	if err != nil {
		return nil, err
	}
	for _, s := range stages {
		text, err := readIn(s.Path, safeName(part), mostFile)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		default:
			all = append(all, Part{s.Name, text})
		}
	}
	return all, nil
}

func readStage(dir, name string) (Stage, error) {
	if _, err := os.Lstat(dir); err != nil {
		return Stage{}, err
	}
	f := Check(dir)
	if len(f.Problems) > 0 {
		return Stage{}, fmt.Errorf("%s was altered: %w", dir, f.Problems[0])
	}
	return Stage{Name: name, Path: dir, Files: f.Files, Digest: f.Digest}, nil
}

func exists(root *os.Root, name string) bool {
	_, err := root.Lstat(name)
	return err == nil
}

func writeOnce(root *os.Root, name string, content []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Chmod(0o444), f.Sync(), f.Close())
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
