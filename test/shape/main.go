// Command shape prints how large the tree is: the daemon, its packages, lines and files. It is
// for maintainers (`make shape`); it changes nothing.
package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	module = "github.com/autorollback/autorollback"
	daemon = "./cmd/autorollback"
	many   = 25 // files in a package, before it is named
)

func main() {
	deps := list("-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", daemon)
	own := slices.DeleteFunc(slices.Clone(deps), func(p string) bool { return !strings.HasPrefix(p, module) })
	all, lines := rooms()
	largest := all[len(all)-1]
	fmt.Printf("| | now | to reach |\n|---|---|---|\n")
	fmt.Printf("| daemon, stripped | %.1f MB | ≤ 20 MB |\n", float64(built())/1e6)
	fmt.Printf("| its non-standard packages | %d, of them %d our own | ≤ 250 |\n", len(deps), len(own))
	fmt.Printf("| lines of Go outside tests | %d | ≤ 46000 |\n", lines)
	fmt.Printf("| files in a package, median / largest | %d / %d (%s) | about 10 / 25, none past 30 |\n",
		all[len(all)/2].files, largest.files, largest.path)
	fmt.Printf("| packages past %d files | %s | none |\n", many, past(all))
	fmt.Printf("| exported names of runbook | %d | |\n", exported("runbook"))
}

// A room is one package of the product, with its files of Go outside tests.
type room struct {
	path  string
	files int
}

// rooms returns the packages, the fewest files first, and the lines of all Go outside tests.
func rooms() (all []room, lines int) {
	format := `{{$d := .Dir}}{{.ImportPath}}{{range .GoFiles}},{{$d}}/{{.}}{{end}}{{range .IgnoredGoFiles}},{{$d}}/{{.}}{{end}}`
	for _, found := range list("-f", format, "./...") {
		files := strings.Split(found, ",")
		path := strings.TrimPrefix(files[0], module+"/")
		files = slices.DeleteFunc(files[1:], func(f string) bool { return strings.HasSuffix(f, "_test.go") })
		for _, f := range files {
			lines += strings.Count(string(must(os.ReadFile(f))), "\n")
		}
		if first, _, _ := strings.Cut(path, "/"); path != module && first != "test" && first != "bench" {
			all = append(all, room{path, len(files)})
		}
	}
	slices.SortFunc(all, func(a, b room) int { return a.files - b.files })
	return all, lines
}

func past(all []room) string {
	var named []string
	for _, r := range slices.Backward(all) {
		if r.files > many {
			named = append(named, fmt.Sprintf("%s %d", r.path, r.files))
		}
	}
	return cmp.Or(strings.Join(named, ", "), "none")
}

// built is the size of the daemon as `make build` builds it.
func built() int64 {
	file := filepath.Join(os.TempDir(), fmt.Sprintf("shape-%d", os.Getpid()))
	defer os.Remove(file)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, daemon)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	must(cmd.Output())
	return must(os.Stat(file)).Size()
}

// exported counts the exported names at the top of a package; methods are not counted.
func exported(dir string) (n int) {
	var files []*ast.File
	fset := token.NewFileSet()
	for _, path := range list("-f", `{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}} {{end}}`, "./"+dir) {
		files = append(files, must(parser.ParseFile(fset, path, nil, 0)))
	}
	p := must(doc.NewFromFiles(fset, files, module+"/"+dir))
	values := slices.Concat(p.Consts, p.Vars)
	n = len(p.Funcs) + len(p.Types)
	for _, t := range p.Types {
		n += len(t.Funcs)
		values = slices.Concat(values, t.Consts, t.Vars)
	}
	for _, v := range values {
		n += len(slices.DeleteFunc(slices.Clone(v.Names), func(s string) bool { return !ast.IsExported(s) }))
	}
	return n
}

func list(args ...string) []string {
	return strings.Fields(string(must(exec.Command("go", append([]string{"list"}, args...)...).Output())))
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, "shape:", err)
		os.Exit(1)
	}
	return value
}
