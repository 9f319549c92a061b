package autorollback_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// A ban is a word, or a phrase, that a term of the glossary replaces.
type ban struct {
	word, term string
	inNames    bool // it is banned in Go names only: in prose it has an honest meaning
	exact      bool // it is banned as a whole Go name: it begins with a capital
	prose      *regexp.Regexp
}

// One vocabulary: no Go name, text, page or document uses a word that the glossary of
// CONTRIBUTING.md replaces.
func TestWordsMeanOneThing(t *testing.T) {
	bans := glossary(t)
	var found []string
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "testdata" || len(name) > 1 && name[0] == '.' || name == "bin" || name == "data"):
			return filepath.SkipDir
		case d.IsDir() || path == "CHANGELOG.md" || path == "docs/openapi.yaml": // the latter is made from Go files
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			found = append(found, inGo(t, path, bans)...)
		case slices.Contains([]string{".md", ".tmpl", ".html", ".yaml", ".yml"}, filepath.Ext(name)):
			found = append(found, inPage(t, path, bans)...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// glossary reads the bans from the table in CONTRIBUTING.md: its last column, where a word
// in backticks is banned in Go names only, and with a capital only as a whole name.
func glossary(t *testing.T) (bans []ban) {
	t.Helper()
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \| [^|]+ \| ([^|]+) \|$`).FindAllStringSubmatch(section(string(text), "## Words"), -1) {
		for item := range strings.SplitSeq(row[2], ", ") {
			word := strings.Trim(item, "`")
			if strings.Trim(item, "–-") == "" || item == "not" || item == "---" {
				continue
			}
			pattern := `(?i)(^|[^\pL])` + strings.ReplaceAll(regexp.QuoteMeta(word), " ", `[\s_]+`) + `s?($|[^\pL])`
			bans = append(bans, ban{word, row[1], word != item, word[0] < 'a', regexp.MustCompile(pattern)})
		}
	}
	if len(bans) < 20 {
		t.Fatalf("only %d words found in the glossary", len(bans))
	}
	return bans
}

func section(text, title string) string {
	_, text, _ = strings.Cut(text, "\n"+title+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// inGo looks at the names that a file declares, and at its texts.
func inGo(t *testing.T, path string, bans []ban) (found []string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	skip := map[*ast.BasicLit]bool{}
	said := func(n ast.Node, text string, names bool) {
		for _, b := range bans {
			if names && b.names(text) || !names && !b.inNames && b.prose.MatchString(text) {
				found = append(found, fmt.Sprintf("%s: %q: instead of %s: %s", fset.Position(n.Pos()), text, b.word, b.term))
			}
		}
	}
	said(file.Name, file.Name.Name, true)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			if n.Tag != nil {
				skip[n.Tag] = true
			}
			for _, name := range n.Names {
				said(name, name.Name, true)
			}
		case *ast.FuncDecl:
			said(n.Name, n.Name.Name, true)
		case *ast.TypeSpec:
			said(n.Name, n.Name.Name, true)
		case *ast.ValueSpec:
			for _, name := range n.Names {
				said(name, name.Name, true)
			}
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if name, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE {
					said(name, name.Name, true)
				}
			}
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && !skip[n] {
				said(n, text, false)
			}
		}
		return true
	})
	return found
}

// names reports whether a Go name has the word in it.
func (b ban) names(name string) bool {
	if b.exact {
		return name == b.word
	}
	all := words(name)
	return slices.Contains(all, b.word) || slices.Contains(all, b.word+"s")
}

// words takes a Go name apart: "wouldBeSick" is would, be, sick.
func words(name string) (out []string) {
	var word []rune
	letters := []rune(name)
	for i, r := range letters {
		starts := unicode.IsUpper(r) && (i > 0 && !unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if starts || !unicode.IsLetter(r) {
			out, word = append(out, string(word)), nil
		}
		if unicode.IsLetter(r) {
			word = append(word, unicode.ToLower(r))
		}
	}
	return append(out, string(word))
}

var code = regexp.MustCompile("(?s)^```.*?\n```|\n```.*?\n```|`[^`\n]*`|\\]\\([^)]*\\)")

// inPage looks at prose. Code in a document is left out: it shows what the program says,
// and that is looked at where it is written.
func inPage(t *testing.T, path string, bans []ban) (found []string) {
	t.Helper()
	read, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(read)
	if path == "CONTRIBUTING.md" {
		text = strings.Replace(text, section(text, "## Words"), strings.Repeat("\n", strings.Count(section(text, "## Words"), "\n")), 1)
	}
	if strings.HasSuffix(path, ".md") {
		text = code.ReplaceAllStringFunc(text, func(s string) string { return " x" + strings.Repeat("\n", strings.Count(s, "\n")) })
	}
	for _, b := range bans {
		for _, at := range b.prose.FindAllStringIndex(text, -1) {
			if !b.inNames {
				line := 1 + strings.Count(text[:at[0]+1], "\n")
				found = append(found, fmt.Sprintf("%s:%d: %q: instead of %s: %s", path, line, strings.TrimSpace(text[at[0]:at[1]]), b.word, b.term))
			}
		}
	}
	return found
}
