package program

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/cmd/program/authoring"
	"github.com/autorollback/autorollback/cmd/program/shadows"
	"github.com/autorollback/autorollback/cmd/program/trail"
	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/plan"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/shadow/diff"
	"github.com/autorollback/autorollback/view"
)

// prints is what -o has of each command: one of these, or as many as there are.
var prints = map[string]any{
	"status": view.Status{}, "watch": view.Status{}, "rollback": record.Incident{}, "approve": record.Approval{}, "reject": record.Approval{},
	"release start": record.Release{}, "release status": []record.Release{}, "release plan": view.RampPlan{}, "release promote": record.Release{},
	"release hold": record.Release{}, "release resume": record.Release{}, "release flip": record.Release{}, "release wait": waited{},
	"release accept-split": record.Release{}, "release lift": lifted{},
	"incident list": []record.Incident{}, "incident show": record.Incident{}, "incident followup": view.FollowUp{}, "observe report": view.ObserveReport{}, "incident check": trail.CheckedEvidence{}, "why": view.Why{},
	"runbook check": []authoring.Checked{}, "rules verify": []rules.Drift{}, "rules plan": plan.Plan{}, "rules test": []authoring.TestResult{},
	"gameday list": []gameday.Scenario{}, "gameday run": []gameday.Score{},
	"shadow replay": diff.Report{}, "shadow join": diff.Report{}, "shadow report": diff.Report{}, "shadow record": record.ShadowVerdict{},
	"shadow start": record.Mirror{}, "shadow stop": record.Mirror{}, "shadow status": shadows.Shadowed{},
	"audit verify": trail.Verified{}, "audit list": []record.Order{}, "doctor": view.Examination{}, "recover": []view.Recovery{},
	"control show": record.Control{}, "control set": record.Control{},
}

// The table of commands in docs/cli.md is made from the program.
func TestCommandTable(t *testing.T) {
	const mark = "<!-- commands -->\n"
	path := filepath.Join("..", "..", "docs", "cli.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, found := strings.Cut(string(page), mark)
	if !found {
		t.Fatal("docs/cli.md has no place for the table")
	}
	var table strings.Builder
	fmt.Fprint(&table, "\n| command | what it does | `-o json`, `-o yaml` |\n|---|---|---|\n")
	forms := map[string]reflect.Type{}
	for _, c := range commands(t) {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", c.FullCommand, strings.ReplaceAll(cli.Summary(c.Help), "|", `\|`), form(prints[c.FullCommand], forms))
	}
	fmt.Fprint(&table, "\n### What is printed\n\n| form | its names |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		fmt.Fprintf(&table, "| %s | `%s` |\n", name, strings.Join(fields(forms[name]), "`, `"))
	}
	golden(t, path, head+mark+table.String())
}

// Every command with -o has its form in the table, and every name in it is written down where it is declared.
func TestPrintedNamesAreStable(t *testing.T) {
	for _, c := range commands(t) {
		if _, without := withoutOutput[c.FullCommand]; without == (prints[c.FullCommand] != nil) {
			t.Errorf("%s: what does -o print?", c.FullCommand)
		}
	}
	seen := map[reflect.Type]bool{}
	for name, v := range prints {
		for _, field := range untagged(reflect.TypeOf(v), seen) {
			t.Errorf("%s: %s has no name", name, field)
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d types were looked at", len(seen))
	}
}

// form is the name of what is printed, which it adds to those that are known.
func form(v any, known map[string]reflect.Type) string {
	if v == nil {
		return ""
	}
	of, list := reflect.TypeOf(v), ""
	if of.Kind() == reflect.Slice {
		of, list = of.Elem(), "list of "
	}
	name := strings.ToUpper(of.Name()[:1]) + of.Name()[1:]
	known[name] = of
	return list + name
}

// fields are the names in JSON, those of what is embedded too.
func fields(of reflect.Type) (names []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, fields(f.Type)...)
		case f.IsExported() && name != "-":
			names = append(names, name)
		}
	}
	return names
}

// untagged are the fields of our own types that JSON would name by their Go name.
func untagged(of reflect.Type, seen map[reflect.Type]bool) (all []string) {
	for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, of.Kind()) {
		of = of.Elem()
	}
	if _, itself := reflect.PointerTo(of).MethodByName("MarshalJSON"); itself || of.Kind() != reflect.Struct || seen[of] || !strings.Contains(of.PkgPath(), "autorollback") {
		return nil
	}
	seen[of] = true
	for i := range of.NumField() {
		f := of.Field(i)
		if !f.IsExported() || f.Tag.Get("json") == "-" {
			continue
		}
		if f.Tag.Get("json") == "" && !f.Anonymous {
			all = append(all, of.String()+"."+f.Name)
		}
		all = append(all, untagged(f.Type, seen)...)
	}
	return all
}
