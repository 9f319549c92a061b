package autorollback_test

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/autorollback/autorollback"

// layers are the rows of the design, from the top. A package imports only from lower
// rows, and never from its own.
var layers = [][]string{
	{"cmd/autorollback", "cmd/autorollback-lab", "cmd/autorollback-keeper", "examples/service", "build/release"},
	{"cmd/program"},
	{"cmd/program/authoring", "cmd/program/shadows", "cmd/program/trail"},
	{"cmd/internal/cli"},
	{"daemon"},
	{"receiver", "web", "ofrep", "doctor", "regions", "backtest", "demo"},
	{"engine", "gameday"},
	{"engine/lifecycle", "engine/known", "followup", "shadow/report", "report/notify", "web/question", "web/cards"},
	{"policy", "actuators", "verify", "report", "monitor", "arming", "plan", "rules/promtest", "rules/operator", "shadow/replay", "shadow/join", "archive", "holds", "keeper/bucket", "keeper/images", "evidence/samples"},
	{"rules", "store", "audit", "api", "shadow/diff", "shadow/recording"},
	{"analysis", "promapi", "shadow", "shadow/stat", "view"},
	{"record", "chart"},
	{"runbook", "bearer", "listen", "outbound", "keeper"},
	{"runbook-templates", "schemas", "secret"},
}

// testOnly packages may be imported by tests alone.
var testOnly = []string{"test/", "bench"}

func TestImportsPointDown(t *testing.T) {
	row := map[string]int{}
	for i, packages := range layers {
		for _, p := range packages {
			row[path.Join(module, p)] = i
		}
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		short := strings.TrimPrefix(strings.TrimPrefix(pkg, module), "/")
		if short == "" || isTestOnly(short) {
			continue
		}
		mine, ok := row[pkg]
		if !ok {
			t.Errorf("%s is in no row of the design", short)
			continue
		}
		seen++
		for imp := range strings.FieldsSeq(imports) {
			if isTestOnly(strings.TrimPrefix(imp, module+"/")) {
				t.Errorf("%s imports %s, which is for tests", short, imp)
			}
			if theirs, ok := row[imp]; ok && theirs <= mine {
				t.Errorf("%s imports %s, which is not below it", short, strings.TrimPrefix(imp, module+"/"))
			}
		}
	}
	if seen < 10 {
		t.Fatalf("looked at %d packages only: the list is broken", seen)
	}
}

// mostOfClient is how many packages beyond the standard library who uses the API's client gets: those of the
// records and of PromQL, which a runbook holds, and those of an HTTP client.
const mostOfClient = 95

// The client can be had without the daemon: a program that uses it links nothing that serves, decides or stores.
func TestClientIsSmall(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./api").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	own := slices.DeleteFunc(slices.Clone(deps), func(dep string) bool { return !strings.HasPrefix(dep, module) })
	want := []string{"api", "outbound", "record", "runbook", "secret", "shadow", "view"}
	for i := range want {
		want[i] = path.Join(module, want[i])
	}
	if slices.Sort(own); !slices.Equal(own, want) {
		t.Errorf("the client brings our packages %q, want %q", own, want)
	}
	if len(deps) > mostOfClient {
		t.Errorf("the client brings %d packages beyond the standard library, more than %d", len(deps), mostOfClient)
	}
}

func isTestOnly(short string) bool {
	for _, prefix := range testOnly {
		if short == strings.TrimSuffix(prefix, "/") || strings.HasPrefix(short, strings.TrimSuffix(prefix, "/")+"/") {
			return true
		}
	}
	return false
}

// Every package says in its package comment what it does, and what it never does.
func TestPackagesSayWhatTheyNeverDo(t *testing.T) {
	for _, packages := range layers {
		for _, p := range packages {
			files, err := filepath.Glob(filepath.Join(p, "*.go"))
			if err != nil || len(files) == 0 {
				t.Errorf("%s has no Go files", p)
				continue
			}
			doc := packageComment(t, files)
			if strings.HasPrefix(p, "cmd/") || strings.HasPrefix(p, "examples/") || p == "runbook-templates" {
				if doc == "" {
					t.Errorf("%s has no package comment", p)
				}
				continue
			}
			if lower := strings.ToLower(doc); !strings.Contains(lower, "never") && !strings.Contains(lower, "does no") {
				t.Errorf("%s: the package comment does not say what it never does:\n%s", p, doc)
			}
		}
	}
}

func packageComment(t *testing.T, files []string) string {
	t.Helper()
	var doc strings.Builder
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		doc.WriteString(parsed.Doc.Text())
	}
	return doc.String()
}

// Sizes past these are refused; see CONTRIBUTING.md.
const maxLines = 400

func TestFilesHoldOneIdea(t *testing.T) {
	err := filepath.WalkDir(".", func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return err
		}
		text, err := os.ReadFile(p)
		if n := strings.Count(string(text), "\n"); n > maxLines {
			t.Errorf("%s has %d lines, more than %d: split it by idea", p, n, maxLines)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Cron is read in one place: the library panics at some texts, and skips what falls into
// the hour that summer time takes away.
func TestCronIsReadInOnePlace(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}`, module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := false
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(line, " ")
		if strings.Contains(imports, "robfig/cron") {
			seen = true
			if pkg != module+"/runbook" {
				t.Errorf("%s reads cron: use runbook.ParseCalendar", pkg)
			}
		}
	}
	if !seen {
		t.Error("nobody reads cron: the test is broken")
	}
}

// heavy is what the daemon must not link: Prometheus' engine, what feeds it, and what
// comes with discovery.
var heavy = []string{
	"github.com/prometheus/prometheus/promql", "github.com/prometheus/prometheus/tsdb", "github.com/prometheus/prometheus/discovery",
	"github.com/prometheus/prometheus/scrape", "github.com/prometheus/prometheus/rules", "github.com/prometheus/prometheus/notifier",
	"github.com/prometheus/prometheus/storage/remote", "github.com/prometheus/prometheus/model/rulefmt",
	"github.com/aws/", "github.com/Azure/", "cloud.google.com/", "google.golang.org/api/", "k8s.io/",
	"gocloud.dev/", "github.com/google/go-containerregistry/",
}

// mostPackages is how many packages beyond the standard library the daemon may have.
const mostPackages = 250

func TestDaemonIsLean(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./cmd/autorollback").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"/engine") {
		t.Fatal("the daemon has no engine: the list is broken")
	}
	for _, dep := range deps {
		for _, h := range heavy {
			if dep == h || strings.HasSuffix(h, "/") && strings.HasPrefix(dep, h) {
				t.Errorf("the daemon links %s: move what needs it to cmd/autorollback-lab", dep)
			}
		}
	}
	if len(deps) > mostPackages {
		t.Errorf("the daemon has %d packages beyond the standard library, more than %d", len(deps), mostPackages)
	}
}
