package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Problem is one thing wrong with a folder of evidence.
type Problem struct {
	File string // relative to the folder checked
	What string
}

// Error implements error.
func (p Problem) Error() string { return p.File + ": " + p.What }

// Seal writes the pages (name to content, e.g. "incident.md") and then the
// MANIFEST.sha256 over every file of the incident, and returns the manifest's
// digest. It refuses if a stage was altered since its capture. Sealing again with
// the same pages changes nothing; with other pages (a late verdict) it replaces
// them, and the new manifest names the digest of the one before.
func (f Folder) Seal(inc record.Incident, keep runbook.Duration, pages map[string][]byte) (digest string, err error) {
	stages, err := f.Stages(inc.ID)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	home := filepath.Join(f.Dir, inc.ID)
	old, err := os.ReadFile(filepath.Join(home, manifestName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("seal: %w", err)
	}
	want, err := contents(home, stages)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	for name, page := range pages {
		want[safeName(name)] = sum(page)
	}
	if have, _ := parseManifest(old); len(old) > 0 && maps.Equal(have, want) && len(Check(home)) == 0 {
		return "sha256:" + sum(old), nil
	}
	text := sealed(inc, keep, old, want)
	if err := writeSeal(home, pages, text); err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	return "sha256:" + sum(text), nil
}

func writeSeal(home string, pages map[string][]byte, manifest []byte) error {
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	for name, page := range pages {
		if err := replaceFile(filepath.Join(home, safeName(name)), page); err != nil {
			return err
		}
	}
	if err := replaceFile(filepath.Join(home, manifestName), manifest); err != nil {
		return err
	}
	gcPartial(home)
	return errors.Join(syncDir(home), syncDir(filepath.Dir(home)))
}

// gcPartial removes captures that a crash left half-written. A replica that is still
// writing one has lost the race for a stage that is there, and does not mind.
func gcPartial(home string) {
	for _, stage := range []string{Before, After} {
		if _, err := os.Lstat(filepath.Join(home, stage)); err != nil {
			continue
		}
		leftovers, _ := filepath.Glob(filepath.Join(home, partial+stage+"-*"))
		for _, path := range leftovers {
			_ = os.RemoveAll(path) // Check passes over what stays
		}
	}
}

// sealed is the manifest with a head of comments, which sha256sum skips.
func sealed(inc record.Incident, keep runbook.Duration, old []byte, sums map[string]string) []byte {
	var head bytes.Buffer
	fmt.Fprintf(&head, "# evidence of incident %s (service %q, region %q)\n", inc.ID, record.Truncate(inc.Service, 80), record.Truncate(inc.Region, 80))
	fmt.Fprintf(&head, "# verify with: sha256sum --check %s\n", manifestName)
	fmt.Fprintf(&head, "# tamper-evident, not tamper-proof: compare this file's own sha256 with the one in the journal\n")
	if keep > 0 {
		fmt.Fprintf(&head, "# keep until %s; nothing here deletes it\n", inc.OpenedAt.Add(keep.Std()).UTC().Format(time.DateOnly))
	}
	if len(old) > 0 {
		fmt.Fprintf(&head, "# replaces sha256:%s\n", sum(old))
	}
	return append(head.Bytes(), manifest(sums)...)
}

// contents are the hashes of the stages' files as their own manifests have them, and
// of those manifests.
func contents(home string, stages []Stage) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range stages {
		text, err := os.ReadFile(filepath.Join(home, s.Name, manifestName))
		if err != nil {
			return nil, err
		}
		sums, err := parseManifest(text)
		if err != nil {
			return nil, err
		}
		out[s.Name+"/"+manifestName] = sum(text)
		for name, hash := range sums {
			out[s.Name+"/"+name] = hash
		}
	}
	return out, nil
}

// Check compares a folder (of an incident, or one stage of it) with its
// MANIFEST.sha256 and returns what is altered, missing, extra or no plain file, in
// order; nil if it is as it was.
func Check(dir string) []Problem {
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return []Problem{{manifestName, reason(err)}}
	}
	want, err := parseManifest(text)
	if err != nil {
		return []Problem{{manifestName, err.Error()}}
	}
	found, problems := hashes(dir)
	for name, hash := range want {
		switch have, ok := found[name]; {
		case !ok:
			problems = append(problems, Problem{name, "missing"})
		case have != hash:
			problems = append(problems, Problem{name, "altered"})
		}
	}
	for name := range found {
		if _, ok := want[name]; !ok && name != manifestName {
			problems = append(problems, Problem{name, "not in the manifest"})
		}
	}
	slices.SortFunc(problems, func(a, b Problem) int { return strings.Compare(a.File+a.What, b.File+b.What) })
	return problems
}

// hashes reads every file below dir, except captures that were never completed.
func hashes(dir string) (map[string]string, []Problem) {
	out := map[string]string{}
	var problems []Problem
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		name = filepath.ToSlash(name)
		switch {
		case err != nil:
			problems = append(problems, Problem{name, reason(err)})
		case strings.HasPrefix(d.Name(), partial) && d.IsDir():
			return filepath.SkipDir
		case strings.HasPrefix(d.Name(), partial), d.IsDir():
		case !d.Type().IsRegular():
			problems = append(problems, Problem{name, "not a plain file"})
		default:
			content, err := os.ReadFile(path)
			if err != nil {
				problems = append(problems, Problem{name, reason(err)})
			}
			out[name] = sum(content)
		}
		return nil
	})
	return out, problems
}

func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

func manifest(sums map[string]string) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&b, "%s  %s\n", sums[name], name)
	}
	return b.Bytes()
}

func parseManifest(text []byte) (map[string]string, error) {
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		hash, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if raw, err := hex.DecodeString(hash); !ok || err != nil || len(raw) != sha256.Size {
			return nil, errors.New("not a list of sha256 hashes")
		}
		out[name] = hash
	}
	return out, nil
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}
