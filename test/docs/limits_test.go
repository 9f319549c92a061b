package docs

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/printer"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var limitRow = regexp.MustCompile("(?m)^\\| [^|]+ \\| ([^|]+) \\| `([a-z/]+)\\.([A-Za-z]+)` \\|")

// Every figure of docs/limits.md is the constant's that it names.
func TestLimits(t *testing.T) {
	rows := limitRow.FindAllStringSubmatch(string(read(t, "../../docs/limits.md")), -1)
	if len(rows) < 40 {
		t.Fatalf("found %d limits only", len(rows))
	}
	for _, row := range rows {
		told, pkg, name := row[1], row[2], row[3]
		value, err := constantOf(filepath.Join("../..", pkg), name)
		if err != nil {
			t.Error(err)
			continue
		}
		if want := worded(value, told); told != want {
			t.Errorf("%s.%s: the page says %s, and it is %s", pkg, name, told, want)
		}
	}
}

// worded is a number in the unit that the page has.
func worded(n int64, like string) string {
	switch {
	case strings.HasSuffix(like, " MiB"):
		return fmt.Sprintf("%g MiB", float64(n)/(1<<20))
	case strings.HasSuffix(like, " KiB"):
		return fmt.Sprintf("%g KiB", float64(n)/(1<<10))
	case strings.HasSuffix(like, " s"):
		return fmt.Sprintf("%g s", time.Duration(n).Seconds())
	}
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// constantOf evaluates a constant of the package in a folder.
func constantOf(dir, name string) (int64, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return 0, err
		}
		for _, decl := range file.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, spec := range group.Specs {
				if v := spec.(*ast.ValueSpec); v.Names[0].Name == name && len(v.Values) == 1 {
					return evaluate(v.Values[0])
				}
			}
		}
	}
	return 0, fmt.Errorf("%s has no constant %s", dir, name)
}

func evaluate(e ast.Expr) (int64, error) {
	var text strings.Builder
	if err := printer.Fprint(&text, token.NewFileSet(), e); err != nil {
		return 0, err
	}
	units := strings.NewReplacer("time.Second", "1000000000", "time.Millisecond", "1000000", "time.Minute", "60000000000")
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, units.Replace(text.String()))
	if err != nil {
		return 0, err
	}
	n, exact := constant.Int64Val(constant.ToInt(v.Value))
	if !exact {
		return 0, fmt.Errorf("%s is no whole number", text.String())
	}
	return n, nil
}
