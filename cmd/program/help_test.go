package program

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a text with a file, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s: %v; run with -update and look at the difference", path, err)
	}
}

// commands are all that do something, but for help.
func commands(t *testing.T) []*kingpin.CmdModel {
	t.Helper()
	app, _ := New("test").Application(cli.Console{})
	return slices.DeleteFunc(app.Model().FlattenedCommands(), func(c *kingpin.CmdModel) bool { return c.Hidden || c.FullCommand == "help" })
}

// The first help is one screen, and has every command once.
func TestTheFirstHelp(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"--help"}, nil, &out, &out); err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join("testdata", "help.txt"), out.String())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) > 24 {
		t.Errorf("%d lines are more than a screen", len(lines))
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("too wide: %s", line)
		}
	}
	var listed, known []string
	for _, g := range groups {
		for _, l := range g.Lines {
			listed = append(listed, strings.Split(l[0], ", ")...)
		}
	}
	app, _ := New("test").Application(cli.Console{})
	for _, c := range app.Model().Commands {
		if !c.Hidden && c.Name != "help" {
			known = append(known, c.Name)
		}
	}
	if want := strings.Fields("serve status watch rollback approve reject release incident"); !slices.Equal(listed[:len(want)], want) {
		t.Errorf("the help begins with %v", listed[:len(want)])
	}
	slices.Sort(listed)
	slices.Sort(known)
	if !slices.Equal(listed, known) {
		t.Errorf("the help has %v, and the program %v", listed, known)
	}
}

// A command says what it does in a first sentence, and how it is called in an example.
func TestEveryHelpHasAnExample(t *testing.T) {
	for _, c := range commands(t) {
		summary := cli.Summary(c.Help)
		if summary == "" || utf8.RuneCountInString(summary) > 150 {
			t.Errorf("%s: its first sentence is %q", c.FullCommand, summary)
		}
		var out strings.Builder
		if err := run(t.Context(), append(strings.Fields(c.FullCommand), "--help"), nil, &out, &out); err != nil {
			t.Errorf("%s: %v", c.FullCommand, err)
		}
		examples := cli.Examples(c.Help)
		for _, line := range examples {
			rest, ours := strings.CutPrefix(line, "autorollback ")
			if ours && !strings.HasPrefix(rest, c.FullCommand) || !strings.Contains(out.String(), "\n  "+line+"\n") {
				t.Errorf("%s: %s\n%s", c.FullCommand, line, out.String())
			}
		}
		if len(examples) == 0 || !strings.Contains(out.String(), "\nExamples:\n") {
			t.Errorf("%s has no example", c.FullCommand)
		}
	}
}

// withoutOutput are the commands without -o, and why.
var withoutOutput = map[string]string{
	"serve":           "it is the daemon",
	"healthy":         "its exit code is the answer",
	"runbook new":     "it prints a runbook",
	"runbook render":  "it prints a page",
	"runbook schema":  "it prints a schema",
	"rules generate":  "it prints a rule file",
	"gameday show":    "it prints a scenario's file",
	"gameday rules":   "it prints a rule file",
	"flags export":    "it prints the document of another flag system",
	"incident export": "it prints a page",
}

// Whatever a command reads, programs can have it as JSON or YAML.
func TestEveryCommandHasOutputs(t *testing.T) {
	for _, c := range commands(t) {
		has := slices.ContainsFunc(c.Flags, func(f *kingpin.FlagModel) bool { return f.Name == "output" && f.Short == 'o' })
		if why, not := withoutOutput[c.FullCommand]; has == not {
			t.Errorf("%s: -o is %v, and %q", c.FullCommand, has, why)
		}
	}
	for name := range withoutOutput {
		if !slices.ContainsFunc(commands(t), func(c *kingpin.CmdModel) bool { return c.FullCommand == name }) {
			t.Errorf("there is no command %s", name)
		}
	}
}

// The manual page has every command, flag and example, and nothing that man reads as an order of its own.
func TestTheManualPage(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"--help-man"}, nil, &out, &out); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	for n, line := range strings.Split(page, "\n") {
		word, _, _ := strings.Cut(line, " ")
		if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && !slices.Contains(strings.Fields(".TH .SH .SS .TP .PP .EX .EE"), word) {
			t.Errorf("line %d: %s", n+1, line)
		}
	}
	text := strings.NewReplacer(`\-`, "-", `\(aq`, "'", `\e`, `\`, `\(ga`, "`", `\(ti`, "~", `\(ha`, "^").Replace(page)
	for _, c := range commands(t) {
		_, section, found := strings.Cut(text, "\n.SS autorollback "+c.FullCommand)
		section, _, _ = strings.Cut(section, "\n.SS ")
		for _, line := range cli.Examples(c.Help) {
			found = found && strings.Contains(section, line)
		}
		for _, f := range c.Flags {
			found = found && (f.Hidden || strings.Contains(text, "--"+f.Name))
		}
		if !found {
			t.Errorf("%s: %s", c.FullCommand, section)
		}
	}
	for _, e := range cli.Exits {
		if !strings.Contains(text, e.Means) {
			t.Errorf("exit code %d is not there", e.Code)
		}
	}
}
