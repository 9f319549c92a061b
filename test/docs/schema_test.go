package docs

import (
	"bytes"
	"encoding/json"
	"maps"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/golden"
)

// A format is a kind of file that a person writes, with its parser and files that it takes.
type format struct {
	name, title string
	of          reflect.Type
	packages    []string // whose comments describe it
	least       string   // a file with the least of every section
	good        []string // patterns of files that the parser takes
	bad         string   // the folder beside runbook's tests of those that it refuses
	reads       func(text []byte) error
}

var formats = []format{
	{"runbook", "autorollback runbook", reflect.TypeFor[runbook.Runbook](), []string{"../../runbook"}, "testdata/least.yaml",
		[]string{"../../runbook/testdata/good/*.yaml", "../../runbook-templates/*.yaml", "../../examples/runbooks/*.yaml", "testdata/least.yaml"}, "bad",
		func(text []byte) error { _, err := runbook.Parse("runbook.yaml", text); return err }},
	{"release", "autorollback release file", reflect.TypeFor[runbook.Launch](), []string{"../../runbook"}, "../../runbook/testdata/good-release/ranker.yaml",
		[]string{"../../runbook/testdata/good-release/*.yaml", "../../examples/release.yaml", "../../demo/release.yaml"}, "bad-release",
		func(text []byte) error { _, err := runbook.ParseLaunch("release.yaml", text); return err }},
	{"scenario", "autorollback game-day scenario", reflect.TypeFor[gameday.Scenario](), []string{"../../gameday"}, "testdata/least-scenario.yaml",
		[]string{"../../gameday/scenarios/*.yaml", "testdata/least-scenario.yaml"}, "",
		func(text []byte) error { _, err := gameday.ParseScenario("scenario.yaml", text); return err }},
}

// The files in schemas are made from the code: names and types of the fields by reflection,
// descriptions from the doc comments; what is needed and which words are known by asking the parser.
func TestSchemas(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) { golden.Equal(t, "../../../schemas/"+f.name+".json", f.schema(t)) })
	}
}

// files are the paths of those that the parser takes.
func (f format) files(t *testing.T) (paths []string) {
	t.Helper()
	for _, pattern := range f.good {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		paths = append(paths, found...)
	}
	return paths
}

func (f format) schema(t *testing.T) []byte {
	t.Helper()
	said := map[string]string{}
	for _, dir := range f.packages {
		maps.Copy(said, comments(t, dir))
	}
	s := schemer{page: &page{t: t, said: said, least: read(t, f.least), reads: f.reads}}
	for _, path := range f.files(t) {
		s.known = append(s.known, &page{t: t, least: plainly(t, read(t, path)), reads: f.reads})
	}
	all := s.section(f.of, "")
	all["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	all["title"] = f.title
	all["$defs"] = shared
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(all); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
