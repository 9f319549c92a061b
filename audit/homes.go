package audit

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Home is a sealed folder of one incident.
type Home struct {
	Name     string // of the folder, in [Folder].Dir
	Incident string // as its manifest says
	OpenedAt time.Time
	Digest   string // of the manifest, "sha256:…"
}

var homeForm = regexp.MustCompile(`^([a-z0-9][a-z0-9-]{0,79}?)(?:\.([0-9]{1,2}))?$`)

// removed is what the name of a folder begins with that is about to be removed.
const removed = partial + "removed-"

// Homes lists the sealed folders whose manifest says of which incident they are, without checking their
// files: of one id the last first. It removes what a crash left of one that was being removed.
func (f Folder) Homes() ([]Home, error) {
	root, err := os.OpenRoot(f.Dir)
	if err != nil {
		return nil, fmt.Errorf("list evidence: %w", err)
	}
	defer root.Close()
	d, err := root.Open(".")
	if err != nil {
		return nil, fmt.Errorf("list evidence: %w", err)
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list evidence: %w", err)
	}
	var all []Home
	for _, name := range names {
		if strings.HasPrefix(name, removed) {
			err = errors.Join(err, root.RemoveAll(name))
		} else if h, ok := homeOf(root, name); ok {
			all = append(all, h)
		}
	}
	slices.SortFunc(all, func(a, b Home) int { return strings.Compare(b.Name, a.Name) })
	return all, err
}

func homeOf(root *os.Root, name string) (Home, bool) {
	info, err := root.Lstat(name)
	if err != nil || !info.IsDir() || !homeForm.MatchString(name) {
		return Home{}, false
	}
	text, err := readBounded(root, path.Join(name, ManifestName), MostManifest)
	if err != nil {
		return Home{}, false
	}
	id, opened, _, ok := identified(text)
	at, err := time.Parse(time.RFC3339Nano, opened)
	if !ok || err != nil || !incidentForm.MatchString(id) {
		return Home{}, false
	}
	return Home{Name: name, Incident: id, OpenedAt: at, Digest: "sha256:" + sum(text)}, true
}

// Remove removes a folder of [Folder.Homes]. It vanishes whole, and never before a later one of the same
// id, which is found by counting.
func (f Folder) Remove(name string) error {
	m := homeForm.FindStringSubmatch(name)
	if m == nil {
		return fmt.Errorf("remove evidence: %q is no folder of an incident", name)
	}
	root, err := os.OpenRoot(f.Dir)
	if err != nil {
		return fmt.Errorf("remove evidence: %w", err)
	}
	defer root.Close()
	n, err := strconv.Atoi(m[2])
	if err != nil {
		n = 1
	}
	if later := attempt(m[1], n+1); exists(root, later) {
		return fmt.Errorf("remove evidence: %s is there as well, and goes first", later)
	}
	gone := removed + name + "-" + rand.Text()
	if err := root.Rename(name, gone); err != nil {
		return fmt.Errorf("remove evidence: %w", err)
	}
	return errors.Join(root.RemoveAll(gone), syncDir(f.Dir))
}
