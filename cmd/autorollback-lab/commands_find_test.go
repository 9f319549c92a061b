package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

var (
	named            = regexp.MustCompile(`(?i)(?:^|[^\w/.@:+\-])(?:\./)?(?:bin/)?(autorollback(?:-lab)?) +([a-z][\w-]*)`)
	verbs            = regexp.MustCompile(`%[-+#0-9.*]*(?:\[\d+\])?[a-zA-Z]`)
	controls, values = regexp.MustCompile(`{{(?:if|range|end|else|with)[^}]*}}`), regexp.MustCompile(`{{[^}]*}}`) // in templates
	continued        = regexp.MustCompile(`\\\n#? *`)
	ends             = regexp.MustCompile("^(?:[;.,:?!](?:$|\\s)|[\n`<>|)\\]]|&&|[(#]|[;.]$)")
)

// commandsIn finds the commands in a text: from the program's name to the end of the sentence or its part.
func commandsIn(where, text string) (found []printed) {
	for _, m := range named.FindAllStringSubmatchIndex(text, -1) {
		if slices.Contains(prose, text[m[4]:m[5]]) {
			continue
		}
		line := untilEnd(text[m[4]:])
		if quotedName(text[:m[2]], line, text[m[4]+len(line):]) {
			continue
		}
		found = append(found, printed{where, text[m[2]:m[3]], strings.TrimSpace(line)})
	}
	return found
}

// quotedName: between double quotes words without an argument name a command, and nobody is to run it.
func quotedName(before, line, after string) bool {
	return strings.HasSuffix(before, `"`) && strings.HasPrefix(after, `"`) && !strings.ContainsAny(line, "-/.=")
}

// untilEnd cuts a text where a command ends, which is nowhere between quotes.
func untilEnd(text string) string {
	var quote byte
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '\'' || c == '"') && (text[i-1] == ' ' || text[i-1] == '='):
			quote = c
		case c == '\'' || c == '"' || ends.MatchString(text[i:]):
			return text[:i]
		}
	}
	return text
}

// tracked are the repository's files that one of the patterns matches by name or by path.
func tracked(t *testing.T, patterns ...string) (found []string) {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", root, "ls-files", "--"}, patterns...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// inSource finds the commands in the string literals of what is no test.
func inSource(t *testing.T) (found []printed) {
	for _, name := range tracked(t, "*.go") {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "test/") || strings.HasPrefix(name, "bench/") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text(t, name), parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			literal, ok := spelled(e)
			if ok {
				where := fmt.Sprintf("%s:%d", name, set.Position(n.Pos()).Line)
				found = append(found, commandsIn(where, verbs.ReplaceAllString(literal, "5"))...)
			}
			return !ok
		})
	}
	return found
}

// spelled is a string in the source; what is only known at run time is an x.
func spelled(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, e.Kind == token.STRING && err == nil
	case *ast.BinaryExpr:
		left, isLeft := spelled(e.X)
		right, isRight := spelled(e.Y)
		if e.Op != token.ADD || !isLeft && !isRight {
			return "", false
		}
		if !isLeft {
			left = "x"
		}
		if !isRight {
			right = "x"
		}
		return left + right, true
	}
	return "", false
}

// inTexts finds the commands in templates, in pages as they come out, and in the files that we generate.
func inTexts(t *testing.T) (found []printed) {
	ours := []string{"*.tmpl", "runbook-templates/*.yaml", "examples/*", "report/testdata/*", "runbook/testdata/page/*", "policy/testdata/*", "engine/testdata/*.txt",
		"engine/lifecycle/testdata/*.golden", "rules/testdata/*.yml", "shadow/report/testdata/*", "Makefile", "Dockerfile"}
	for _, name := range tracked(t, ours...) {
		whole := controls.ReplaceAllString(continued.ReplaceAllString(text(t, name), " "), " ")
		for i, line := range strings.Split(values.ReplaceAllString(whole, "x"), "\n") {
			if !strings.HasSuffix(name, ".go") {
				found = append(found, commandsIn(fmt.Sprintf("%s:%d", name, i+1), html.UnescapeString(line))...)
			}
		}
	}
	return found
}

// inDocuments finds the commands in the code blocks of documents.
func inDocuments(t *testing.T) (found []printed) {
	for _, name := range tracked(t, "*.md") {
		if strings.Contains(name, "testdata") || path.Base(name) == "CHANGELOG.md" {
			continue
		}
		fenced, began, whole := false, 0, ""
		for i, line := range strings.Split(text(t, name), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
				continue
			}
			if !fenced && !strings.HasPrefix(line, "    ") {
				continue
			}
			if whole == "" {
				began = i + 1
			}
			before, more := strings.CutSuffix(line, "\\")
			if whole += before; more {
				continue
			}
			found = append(found, commandsIn(fmt.Sprintf("%s:%d", name, began), whole)...)
			whole = ""
		}
	}
	return found
}
