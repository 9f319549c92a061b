package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

func manifest(sums map[string]string) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&b, "%s  %s\n", sums[name], name)
	}
	return b.Bytes()
}

// ParseManifest reads a list of hashes as sha256sum writes it, each name once: the hash by the file's name,
// which stays in the folder.
func ParseManifest(text []byte) (map[string]string, error) {
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		hash, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if raw, err := hex.DecodeString(hash); !ok || err != nil || len(raw) != sha256.Size {
			return nil, errors.New("not a list of sha256 hashes")
		}
		if _, twice := out[name]; twice || !fs.ValidPath(name) || name == "." || len(name) > mostName {
			return nil, fmt.Errorf("%.80q is twice in it, or no name of a file in this folder", name)
		}
		if out[name] = hash; len(out) > mostFiles {
			return nil, fmt.Errorf("it has more than %d files", mostFiles)
		}
	}
	return out, nil
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
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
	case out == ManifestName:
		return "%4D" + out[1:]
	case len(out) > 120:
		return out[:80] + "%" + sum([]byte(name))[:32]
	}
	return out
}
