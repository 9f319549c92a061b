package audit

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
)

var incidentForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,79}$`)

// mostAttempts bounds the folders of one incident id.
const mostAttempts = 99

// attempt is the name of an incident's n-th folder.
func attempt(id string, n int) string {
	if n == 1 {
		return id
	}
	return fmt.Sprintf("%s.%d", id, n)
}

// attemptOf finds the folder of an incident: the first one that is its own, or that is nobody's yet.
func attemptOf(root *os.Root, inc record.Incident) (string, error) {
	if !incidentForm.MatchString(inc.ID) {
		return "", fmt.Errorf("%q is not an incident id", inc.ID)
	}
	for n := 1; n <= mostAttempts; n++ {
		home := attempt(inc.ID, n)
		info, err := root.Lstat(home)
		switch {
		case os.IsNotExist(err):
			return home, nil
		case err != nil:
			return "", err
		case !info.IsDir():
			return "", fmt.Errorf("%s is no folder", home)
		case isOf(root, home, inc):
			return home, nil
		}
	}
	return "", fmt.Errorf("%s has %d folders already", inc.ID, mostAttempts)
}

const identityMark = "# incident "

// identity is the line of a manifest that says which incident it is of: after a store was restored,
// another one may get the same id.
func identity(inc record.Incident) string {
	return identityMark + strings.Join([]string{inc.ID, stamp(inc.OpenedAt), stamp(inc.ActedAt)}, " ")
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// isOf reports whether a folder is this incident's: opened at the same moment, and acted at the same
// one if it had acted when the folder was written. One without anything in it is anybody's. An older
// version wrote no moments: a folder that it sealed is that of an incident that says so.
func isOf(root *os.Root, home string, inc record.Incident) bool {
	for _, stage := range slices.Backward(append(stageNames(root, home), "")) {
		text, err := readBounded(root, path.Join(home, stage, ManifestName), MostManifest)
		if err != nil {
			if !os.IsNotExist(err) {
				return true // it cannot be read: whoever uses it is told so
			}
			continue
		}
		id, opened, acted, ok := identified(text)
		if !ok {
			return stage != "" || !inc.EvidenceAt.IsZero()
		}
		return id == inc.ID && opened == stamp(inc.OpenedAt) && (acted == "-" || acted == stamp(inc.ActedAt))
	}
	return true
}

func identified(text []byte) (id, opened, acted string, ok bool) {
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, identityMark); found {
			if words := strings.Fields(rest); len(words) == 3 {
				return words[0], words[1], words[2], true
			}
		}
	}
	return "", "", "", false
}

// Attempts lists the folders of an incident id that are beside this one, itself among them.
func Attempts(dir string) (all []string) {
	id, _, _ := strings.Cut(filepath.Base(dir), ".")
	for n := 1; n <= mostAttempts; n++ {
		path := filepath.Join(filepath.Dir(dir), attempt(id, n))
		if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeType != fs.ModeDir {
			break
		}
		all = append(all, path)
	}
	return all
}
