package actuators

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each file of testdata/plan is a tree, a wanted split and flags, and all that a
// router says of them.
func TestGoldenTrees(t *testing.T) {
	files, err := filepath.Glob("testdata/plan/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { golden(t, file) })
	}
}

// goldenRouting is the routing of a file, by what its name begins with.
var goldenRouting = map[string]runbook.Routing{
	"traefik": traefikRouting, "json": jsonRouting, "fabio": fabioRouting, "splitter": splitterRouting,
	"sticky": {Router: runbook.Traefik, Root: "traefik", Service: "ranker", Sticky: true},
	"hashed": {Router: runbook.Traefik, Root: "traefik", Service: "ranker", Type: runbook.HighestRandomWeight, Sticky: true},
	"router": {Router: runbook.Traefik, Root: "traefik", Service: "ranker", Type: runbook.RouterService},
}

func golden(t *testing.T, file string) {
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kind, _, _ := strings.Cut(filepath.Base(file), "-")
	got := describe(t, goldenRouting[kind], ar)
	for i := range ar.Files {
		if ar.Files[i].Name != "want" {
			continue
		}
		if !*update && string(ar.Files[i].Data) != got {
			t.Errorf("got:\n%s\nwant:\n%s", got, ar.Files[i].Data)
		}
		ar.Files[i].Data = []byte(got)
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func describe(t *testing.T, routing runbook.Routing, ar *txtar.Archive) string {
	r := router(t, routing)
	snap := readTree(t, section(ar, "tree"))
	to, flags := readTo(t, section(ar, "to")), readFlags(t, section(ar, "flags"))
	var b bytes.Buffer
	split, err := r.Decode(snap)
	fmt.Fprintf(&b, "decode: %s\n", say(words(split), err))
	for _, h := range r.Lint(snap) {
		fmt.Fprintf(&b, "hazard (blocking %t): %s\n", h.Blocking, h)
	}
	change, ops, err := r.Plan(snap, to, flags)
	if err != nil {
		fmt.Fprintf(&b, "plan: %v\n", err)
		return b.String()
	}
	fmt.Fprintf(&b, "plan: %s -> %s\n", words(change.From), words(change.To))
	for _, op := range ops {
		b.WriteString(opText(op))
	}
	after, err := commit(snap, ops)
	if err != nil {
		t.Fatal(err)
	}
	if split, err = r.Decode(after); err != nil || !split.Equal(to) {
		t.Errorf("after the plan the split is %v (%v), want %v", split, err, to)
	}
	return b.String()
}

func opText(op store.Op) string {
	if op.Verb == store.Check {
		return fmt.Sprintf("  check %s at %d\n", op.Key, op.Index)
	}
	return fmt.Sprintf("  set   %s at %d = %s\n", op.Key, op.Index, strconv.Quote(string(op.Value)))
}

func say(text string, err error) string {
	if err != nil {
		return err.Error()
	}
	return text
}

func words(s record.Split) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(s)) {
		parts = append(parts, fmt.Sprintf("%s %v", k, s[k]))
	}
	return strings.Join(parts, ", ")
}

func section(ar *txtar.Archive, name string) string {
	for _, f := range ar.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// readTree reads lines of: key = "quoted value".
func readTree(t *testing.T, text string) store.Snapshot {
	var pairs []string
	for line := range strings.Lines(text) {
		key, quoted, ok := strings.Cut(strings.TrimSpace(line), " = ")
		value, err := strconv.Unquote(quoted)
		if !ok || err != nil {
			t.Fatalf("tree line %q: %v", line, err)
		}
		pairs = append(pairs, key, value)
	}
	return tree(pairs...)
}

func readTo(t *testing.T, text string) record.Split {
	to := record.Split{}
	for line := range strings.Lines(text) {
		var name string
		var w runbook.Weight
		if _, err := fmt.Sscan(line, &name, &w); err != nil {
			t.Fatalf("to line %q: %v", line, err)
		}
		to[name] = w
	}
	return to
}

func readFlags(t *testing.T, text string) []FlagDoc {
	var docs []FlagDoc
	for line := range strings.Lines(text) {
		var d FlagDoc
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatalf("flags line %q: %v", line, err)
		}
		docs = append(docs, d)
	}
	return docs
}
