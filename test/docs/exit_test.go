package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The table of exit codes in docs/operations.md has exactly those of the program.
func TestExitCodes(t *testing.T) {
	_, table, _ := strings.Cut(string(read(t, "../../docs/operations.md")), "\n## Exit codes\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var told []string
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(table, -1) {
		told = append(told, m[1])
	}
	var codes []string
	paths, err := filepath.Glob("../../cmd/internal/cli/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Exit") && len(v.Values) == 1 {
				if code, ok := v.Values[0].(*ast.BasicLit); ok && code.Kind == token.INT {
					codes = append(codes, code.Value)
				}
			}
			return true
		})
	}
	slices.Sort(codes)
	if len(codes) < 5 || !slices.Equal(told, codes) {
		t.Errorf("docs/operations.md tells the codes %v, and the program has %v", told, codes)
	}
}
