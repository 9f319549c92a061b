package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// comments are what a package's source says of its structs: "Type" and "Type.field" (the
// field's name in YAML) to text.
func comments(t *testing.T, dir string) map[string]string {
	t.Helper()
	said := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if gen, ok := decl.(*ast.GenDecl); ok && gen.Tok == token.TYPE {
				for _, spec := range gen.Specs {
					typeComments(spec.(*ast.TypeSpec), gen.Doc, said)
				}
			}
		}
	}
	return said
}

func typeComments(spec *ast.TypeSpec, doc *ast.CommentGroup, said map[string]string) {
	body, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	yaml := map[string]string{}
	for _, f := range body.Fields.List {
		if name := yamlName(f); name != "" {
			yaml[f.Names[0].Name] = name
		}
	}
	said[spec.Name.Name] = plain(oneLine(doc), yaml)
	for _, f := range body.Fields.List {
		name := yamlName(f)
		if name == "" {
			continue
		}
		text := oneLine(f.Doc)
		if text == "" {
			text = oneLine(f.Comment)
		}
		said[spec.Name.Name+"."+name] = plain(text, yaml)
	}
}

func yamlName(f *ast.Field) string {
	if f.Tag == nil || len(f.Names) != 1 {
		return ""
	}
	name := regexp.MustCompile(`yaml:"([a-z_0-9]+)`).FindStringSubmatch(f.Tag.Value)
	if name == nil {
		return ""
	}
	return name[1]
}

func oneLine(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

var link = regexp.MustCompile(`\[([A-Za-z.]+)\]`)

// plain writes a doc comment for readers of YAML: no links to Go names, and the fields by
// the names that they have in the file.
func plain(text string, yaml map[string]string) string {
	text = link.ReplaceAllString(text, "$1")
	words := strings.Split(text, " ")
	for i, w := range words {
		bare := strings.Trim(w, ".,;:()'")
		bare = strings.TrimSuffix(bare, "'s")
		if name, ok := yaml[bare]; ok && i > 0 && bare != "KPI" {
			words[i] = strings.Replace(w, bare, "`"+name+"`", 1)
		}
	}
	text = strings.Join(words, " ")
	return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(text)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
