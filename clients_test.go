package autorollback_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// home makes every client of the programs.
const home = "outbound"

// callers are what calls somebody over the network, by package. A pointer to a client is a client that
// somebody else made.
var callers = map[string][]string{
	"net/http":                            {"Client", "Transport", "DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm"},
	"net":                                 {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer"},
	"net/smtp":                            {"Dial", "SendMail"},
	"crypto/tls":                          {"Dial", "DialWithDialer", "Dialer"},
	"github.com/prometheus/common/config": {"NewClientFromConfig", "NewRoundTripperFromConfig", "NewRoundTripperFromConfigWithContext", "NewOAuth2RoundTripper"},
}

// One package makes the clients, so that all of them keep to the same addresses, redirects and limits.
func TestOneOutboundClient(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "testdata" || len(name) > 1 && name[0] == '.' || isTestOnly(filepath.ToSlash(path))):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		found := clientsIn(t, path, nil)
		if filepath.Dir(path) == home {
			seen += len(found)
			return nil
		}
		for _, f := range found {
			t.Errorf("%s: package %s makes clients", f, home)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 3 {
		t.Errorf("package %s makes %d clients only: the test is broken", home, seen)
	}
}

// clientsIn are the places of a file where a client is made; a text of nil is read from the path.
func clientsIn(t *testing.T, path string, text any) (found []string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, imp := range file.Imports {
		full, _ := strconv.Unquote(imp.Path.Value)
		name := full[strings.LastIndex(full, "/")+1:]
		if imp.Name != nil {
			name = imp.Name.Name
		}
		names[name] = full
	}
	pointed := map[ast.Expr]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StarExpr:
			pointed[n.X] = true
		case *ast.SelectorExpr:
			pkg, is := n.X.(*ast.Ident)
			if !is || pointed[n] {
				return true
			}
			for _, banned := range callers[names[pkg.Name]] {
				if n.Sel.Name == banned {
					found = append(found, fset.Position(n.Pos()).String()+": "+pkg.Name+"."+banned)
				}
			}
		}
		return true
	})
	return found
}

// The test sees every way there is, and no other.
func TestClientsAreSeen(t *testing.T) {
	for body, want := range map[string]int{
		"var x = http.DefaultClient":                                  1,
		"var x = &http.Client{}":                                      1,
		"var x http.Client":                                           1,
		"type x struct{ c http.Client; d *http.Client }":              1,
		"var x = new(http.Client)":                                    1,
		"var _, x = http.Get(``)":                                     1,
		"func x(c *http.Client) (*http.Transport, http.RoundTripper)": 0,
		"var x = h.Get":                                               0,
	} {
		text := "package p\nimport \"net/http\"\n" + body + "\n"
		if found := clientsIn(t, "p.go", text); len(found) != want {
			t.Errorf("%s: found %q", body, found)
		}
	}
	renamed := "package p\nimport web \"net/http\"\nvar x = web.DefaultClient\n"
	if found := clientsIn(t, "p.go", renamed); len(found) != 1 {
		t.Errorf("under another name: found %q", found)
	}
}
