package audit

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/autorollback/autorollback/record"
)

// Sealed returns an incident's folder and the digest of its manifest, without checking its files. An error
// wraps [fs.ErrNotExist] where the incident was not sealed here.
func (f Folder) Sealed(inc record.Incident) (dir, digest string, err error) {
	root, home, err := f.open(inc)
	if err != nil {
		return "", "", fmt.Errorf("find sealed folder of %s: %w", inc.ID, err)
	}
	defer root.Close()
	if !exists(root, path.Join(home, ManifestName)) {
		return "", "", fmt.Errorf("find sealed folder of %s: %w", inc.ID, fs.ErrNotExist)
	}
	text, err := readBounded(root, path.Join(home, ManifestName), MostManifest)
	if err != nil {
		return "", "", fmt.Errorf("find sealed folder of %s: %w", inc.ID, err)
	}
	return filepath.Join(f.Dir, home), "sha256:" + sum(text), nil
}
