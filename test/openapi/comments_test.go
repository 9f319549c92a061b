package openapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A source is what the source of our packages says of types ("record.Phase"), of their fields
// ("record.Release.Phase") and of methods ("api.Client.Status"), and the words that a type knows.
type source struct {
	said   map[string]string
	words  map[string][]string
	closed map[string]bool // a type knows no other words
}

func sourceOf(t *testing.T, packages ...string) source {
	t.Helper()
	s := source{map[string]string{}, map[string][]string{}, map[string]bool{}}
	for _, pkg := range packages {
		paths, err := filepath.Glob(filepath.Join("../..", pkg, "*.go"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no source of %s (%v)", pkg, err)
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
				s.read(file.Name.Name+".", decl)
			}
		}
	}
	return s
}

func (s source) read(pkg string, decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv != nil {
			if of, ok := decl.Recv.List[0].Type.(*ast.Ident); ok {
				s.said[pkg+of.Name+"."+decl.Name.Name] = oneLine(decl.Doc)
			}
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				s.ofType(pkg, decl, spec)
			case *ast.ValueSpec:
				s.word(pkg, decl, spec)
			}
		}
	}
}

func (s source) ofType(pkg string, decl *ast.GenDecl, spec *ast.TypeSpec) {
	s.said[pkg+spec.Name.Name] = oneLine(decl.Doc)
	body, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range body.Fields.List {
		for _, name := range f.Names {
			text := oneLine(f.Doc)
			if text == "" {
				text = oneLine(f.Comment)
			}
			s.said[pkg+spec.Name.Name+"."+name.Name] = text
		}
	}
}

func (s source) word(pkg string, decl *ast.GenDecl, spec *ast.ValueSpec) {
	of, ok := spec.Type.(*ast.Ident)
	if decl.Tok != token.CONST || !ok || len(spec.Values) != 1 {
		return
	}
	if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
		word, _ := strconv.Unquote(literal.Value)
		s.words[pkg+of.Name] = append(s.words[pkg+of.Name], word)
		s.closed[pkg+of.Name] = s.closed[pkg+of.Name] || strings.Contains(oneLine(decl.Doc), "The set is closed")
	}
}

var link = regexp.MustCompile(`\[\*?([A-Za-z.]+)\]`)

func oneLine(c *ast.CommentGroup) string {
	return link.ReplaceAllString(strings.Join(strings.Fields(c.Text()), " "), "$1")
}
