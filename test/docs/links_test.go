package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	mdLink  = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```")
)

// Every link between pages leads to a file, and to a heading that is in it.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatal(pages, err)
	}
	for _, p := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md", "test/servers/README.md"} {
		pages = append(pages, filepath.Join("../..", p))
	}
	seen := 0
	for _, from := range pages {
		for _, m := range mdLink.FindAllStringSubmatch(fenced.ReplaceAllString(string(read(t, from)), ""), -1) {
			path, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(path, ":") {
				continue
			}
			seen++
			to := from
			if path != "" {
				to = filepath.Join(filepath.Dir(from), path)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", from, m[1])
			} else if anchor != "" && !anchors(string(read(t, to)))[anchor] {
				t.Errorf("%s links to %s, and no heading is called so", from, m[1])
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d links found", seen)
	}
}

// anchors are the names that headings get from GitHub.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := strings.ToLower(m[1])
		name = regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(name, "")
		names[strings.ReplaceAll(name, " ", "-")] = true
	}
	return names
}
