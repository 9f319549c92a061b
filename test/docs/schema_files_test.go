package docs

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/test/golden"
)

// compiled is the committed schema.
func (f format) compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../schemas/" + f.name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// valid says what the schema has against a text.
func valid(schema *jsonschema.Schema, text []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return err
	}
	if doc.Kind == 0 {
		return schema.Validate(nil)
	}
	v, err := (&instance{left: 20_000}).value(&doc)
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

// What the parser takes, the schema takes.
func TestSchemasTakeGoodFiles(t *testing.T) {
	for _, f := range formats {
		schema := f.compiled(t)
		for _, path := range f.files(t) {
			t.Run(f.name+"/"+filepath.Base(path), func(t *testing.T) {
				text := read(t, path)
				if err := f.reads(text); err != nil {
					t.Fatal(err)
				}
				if err := valid(schema, text); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

var names = regexp.MustCompile(`(?m)^# yaml-language-server: \$schema=(.*)$`)

// Every file that a person begins with names its schema for editors, by a path that is there.
func TestTemplatesNameTheirSchema(t *testing.T) {
	for pattern, f := range map[string]format{"../../runbook-templates/*.yaml": formats[0], "../../examples/release.yaml": formats[1], "../../gameday/scenarios/*.yaml": formats[2]} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		for _, path := range paths {
			m := names.FindSubmatch(read(t, path))
			if m == nil || filepath.Join(filepath.Dir(path), string(m[1])) != filepath.Join("../../schemas", f.name+".json") {
				t.Errorf("%s does not name ../../schemas/%s.json: %q", path, f.name, m)
			}
		}
	}
}

// sees are the parser's words for mistakes that a schema sees as well.
var sees = regexp.MustCompile(`(?m): (unknown key|does not belong to a trigger of type|is a (mapping|list|single value) where|` +
	`".*" is (unknown;|not a (true or false|whole number|number|duration|ratio|name);|not text to YAML)|".*" has no unit)`)

// The schema refuses what it can see. What it cannot is listed in testdata/unseen.txt, with what the
// parser says of it.
func TestSchemasRefuseBadFiles(t *testing.T) {
	var unseen bytes.Buffer
	for _, f := range formats {
		schema := f.compiled(t)
		paths, err := filepath.Glob(filepath.Join("../../runbook/testdata", f.bad, "*.yaml"))
		if err != nil || f.bad != "" && len(paths) == 0 {
			t.Fatalf("no bad files of a %s (%v)", f.name, err)
		}
		for _, path := range paths {
			text, says := read(t, path), string(read(t, strings.TrimSuffix(path, ".yaml")+".txt"))
			if valid(schema, text) != nil {
				continue
			}
			fmt.Fprintf(&unseen, "%s/%s: %s\n", f.bad, filepath.Base(path), mistake(says))
			if sees.MatchString(says) {
				t.Errorf("%s is taken: %s", path, says)
			}
		}
	}
	golden.Equal(t, "unseen.txt", unseen.Bytes())
}

// mistake is the first problem of a file, without its place and its cure.
func mistake(says string) string {
	first, _, _ := strings.Cut(says, "\n")
	_, first, _ = strings.Cut(first, ": ")
	first, _, _ = strings.Cut(first, "; ")
	return first[:min(len(first), 120)]
}

var tries = []string{"1", "0", "1.5", "true", "x", `""`, "5m", "5%", "[a]", "{}"}

// A schema never refuses what the parser takes: every value of the file with the least of every
// section is replaced by others.
func TestSchemasRefuseNothingGood(t *testing.T) {
	for _, f := range formats {
		schema, taken := f.compiled(t), 0
		p := &page{t: t, least: read(t, f.least), reads: f.reads}
		for _, path := range paths(p.document(), "") {
			for _, try := range tries {
				var value yaml.Node
				if err := yaml.Unmarshal([]byte(try), &value); err != nil {
					t.Fatal(err)
				}
				text, ok := p.changed(path, value.Content[0])
				if !ok || f.reads(text) != nil {
					continue
				}
				taken++
				if err := valid(schema, text); err != nil {
					t.Errorf("%s: %s = %s: %v", f.name, path, try, err)
				}
			}
		}
		if taken < 20 {
			t.Errorf("%s: only %d changes are taken: this tries nothing", f.name, taken)
		}
	}
}

// paths are those of all values of mappings.
func paths(n *yaml.Node, at string) (all []string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			path := dotted(at, n.Content[i].Value)
			all = append(append(all, path), paths(n.Content[i+1], path)...)
		}
	case yaml.SequenceNode:
		for i, one := range n.Content {
			all = append(all, paths(one, fmt.Sprintf("%s[%d]", at, i))...)
		}
	}
	return all
}
