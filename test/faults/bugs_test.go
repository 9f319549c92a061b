package faults

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/autorollback/autorollback/test/sim"
)

var (
	planted    = flag.String("bugs", "check-and-set-dropped,message-outside", "which planted bugs are looked for, by name; all")
	bugSeeds   = flag.Int("bug-seeds", 2000, "in how many seeds each must be caught")
	bugMinutes = flag.Duration("bug-time", 5*time.Minute, "and in what time")
)

// A bug is one that is planted: edits of our own source, each a text that stands there once with
// what is put in its place.
type bug struct {
	name, what string
	edits      []edit
}

type edit struct{ file, old, instead string }

func bugs(t *testing.T) []bug {
	files, err := filepath.Glob("testdata/bugs/*.txt")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d bugs are kept, want 12: %v", len(files), err)
	}
	var all []bug
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b := bug{name: strings.TrimSuffix(filepath.Base(f), ".txt"), what: strings.TrimSpace(string(a.Comment))}
		for pair := range slices.Chunk(a.Files, 2) {
			if len(pair) != 2 || pair[1].Name != "instead" {
				t.Fatalf("%s: after each file comes \"instead\"", f)
			}
			b.edits = append(b.edits, edit{pair[0].Name, string(pair[0].Data), string(pair[1].Data)})
		}
		all = append(all, b)
	}
	return all
}

// plant writes the changed sources into dir, and the overlay that puts them in place.
func (b bug) plant(dir string) (overlay string, err error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	replace, texts := map[string]string{}, map[string]string{}
	for _, e := range b.edits {
		file := filepath.Join(root, e.file)
		text, seen := texts[file]
		if !seen {
			source, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			text = string(source)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return "", fmt.Errorf("testdata/bugs/%s.txt is stale: what it changes stands in %s %d times:\n%s", b.name, e.file, n, e.old)
		}
		texts[file] = strings.Replace(text, e.old, e.instead, 1)
	}
	for file, text := range texts {
		replace[file] = filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(file, root+"/"), "/", "-"))
		if err := os.WriteFile(replace[file], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	doc, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, doc, 0o600)
}

// Every bug that is kept still fits the source.
func TestBugsApply(t *testing.T) {
	for _, b := range bugs(t) {
		if _, err := b.plant(t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}

var (
	brokenLine = regexp.MustCompile(`BROKEN (\S+) seed (\d+): (.*)`)
	runsLine   = regexp.MustCompile(`(\d+) runs, (\d+) s`)
)

// A bug that is planted is caught. The table says by which invariant, and how soon.
func TestPlantedBugs(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it builds the engine anew for each bug")
	}
	sim.Bulk(t) // the engine that it builds has no race detector
	fmt.Println("| planted bug | caught by | seed | runs | seconds |\n|---|---|---|---|---|")
	found := 0
	for _, b := range bugs(t) {
		if *planted != "all" && !slices.Contains(strings.Split(*planted, ","), b.name) {
			continue
		}
		found++
		t.Run(b.name, func(t *testing.T) { b.hunt(t) })
	}
	if found == 0 {
		t.Errorf("no bug is called %s", *planted)
	}
}

// hunt plays seeds with the bug until one of them breaks an invariant.
func (b bug) hunt(t *testing.T) {
	dir := t.TempDir()
	overlay, err := b.plant(dir)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "faults.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", overlay, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build with %s: %v\n%s", b.name, err, out)
	}
	out, err := exec.CommandContext(t.Context(), binary, "-test.run", "^TestSeeds$", "-test.timeout", (*bugMinutes + time.Minute).String(), "-hurry",
		"-seeds", fmt.Sprint(*bugSeeds), "-duration", bugMinutes.String()).CombinedOutput()
	broken, runs := brokenLine.FindStringSubmatch(string(out)), runsLine.FindStringSubmatch(string(out))
	if err == nil || broken == nil || runs == nil {
		t.Fatalf("%s was not caught: %s\n%v\n%s", b.name, b.what, err, out)
	}
	fmt.Printf("| %s | %s | %s | %s | %s |\n", b.what, broken[1], broken[2], runs[1], runs[2])
}
