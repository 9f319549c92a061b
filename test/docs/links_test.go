package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	mdLink  = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```")
)

// Every link between pages leads to a file, and to a heading that is in it.
func TestLinksLeadSomewhere(t *testing.T) {
	seen := 0
	for _, from := range pages(t) {
		for _, link := range links(t, from) {
			seen++
			path, anchor, _ := strings.Cut(link, "#")
			to := from
			if path != "" {
				to = filepath.Join(filepath.Dir(from), path)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", from, link)
			} else if anchor != "" && !anchors(string(read(t, to)))[anchor] {
				t.Errorf("%s links to %s, and no heading is called so", from, link)
			}
		}
	}
	if seen < 300 {
		t.Errorf("only %d links found", seen)
	}
}

// The index of docs/ leads to each page of it, and the README to the index.
func TestIndexHasEveryPage(t *testing.T) {
	index := targets(t, "../../docs/README.md")
	all, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(all) < 30 {
		t.Fatal(all, err)
	}
	for _, page := range all {
		if !index[page] && page != "../../docs/README.md" {
			t.Errorf("docs/README.md has no link to %s", page)
		}
	}
	if !targets(t, "../../README.md")["../../docs/README.md"] {
		t.Error("README.md has no link to docs/README.md")
	}
}

// pages are all documents of the repository but those that tests keep.
func pages(t *testing.T) (found []string) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "testdata" || name == "bin" || name == "data" || len(name) > 2 && name[0] == '.'):
			return filepath.SkipDir
		case filepath.Ext(name) == ".md":
			found = append(found, path)
		}
		return nil
	})
	if err != nil || len(found) < 35 {
		t.Fatal(found, err)
	}
	return found
}

// links are those of a page that stay in the repository, pictures included.
func links(t *testing.T, page string) (found []string) {
	t.Helper()
	for _, m := range mdLink.FindAllStringSubmatch(fenced.ReplaceAllString(string(read(t, page)), ""), -1) {
		if !strings.Contains(m[1], ":") {
			found = append(found, m[1])
		}
	}
	return found
}

// targets are the files that a page links to.
func targets(t *testing.T, page string) map[string]bool {
	t.Helper()
	to := map[string]bool{}
	for _, link := range links(t, page) {
		path, _, _ := strings.Cut(link, "#")
		to[filepath.Join(filepath.Dir(page), path)] = true
	}
	return to
}

// anchors are the names that headings get from GitHub: of equal ones the second ends in -1.
func anchors(text string) map[string]bool {
	names, times := map[string]bool{}, map[string]int{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := regexp.MustCompile(`\]\([^)]*\)`).ReplaceAllString(strings.ToLower(m[1]), "")
		name = regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(name, "")
		name = strings.ReplaceAll(name, " ", "-")
		if n := times[name]; n > 0 {
			names[name+"-"+strconv.Itoa(n)] = true
		}
		names[name], times[name] = true, times[name]+1
	}
	return names
}
