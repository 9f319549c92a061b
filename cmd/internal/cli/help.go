package cli

import (
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/alecthomas/kingpin/v2"
)

// A Group is a heading of the top-level help, and the commands below it, each with one line. What its key names
// may be several commands, with commas between.
type Group struct {
	Title string
	Lines [][2]string
}

// exampleMark begins the example at the end of a command's help; each further one is on a line of its own.
const exampleMark = "Example: "

// about is what the help of a command says before its examples.
func about(help string) string {
	text, _, _ := strings.Cut(help, exampleMark)
	return strings.TrimSpace(text)
}

// Examples are the command lines at the end of a command's help.
func Examples(help string) (all []string) {
	_, text, _ := strings.Cut(help, exampleMark)
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// Summary is the first sentence of a command's help, in one line.
func Summary(help string) string {
	text := about(help)
	for i, r := range text {
		if strings.ContainsRune(".;?", r) && (i+1 == len(text) || text[i+1] == ' ') {
			return strings.TrimRight(text[:i+1], ".;")
		}
	}
	return text
}

// top is the help of the whole program: one screen.
func (p Program) top() string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: %s COMMAND …\n%s\n", p.Name, p.Help)
	width := 0
	for _, g := range p.Groups {
		for _, l := range g.Lines {
			width = max(width, len(l[0]))
		}
	}
	for _, g := range p.Groups {
		fmt.Fprintf(&b, "%s\n", g.Title)
		for _, l := range g.Lines {
			fmt.Fprintf(&b, "  %-*s  %s\n", width, l[0], l[1])
		}
	}
	fmt.Fprintf(&b, "%s COMMAND --help says more, with examples; --version, --help-man.\n", p.Name)
	return b.String()
}

func (p Program) helpFuncs() template.FuncMap {
	return template.FuncMap{
		"Top": p.top, "About": about, "Examples": Examples, "Summary": Summary,
		"Shown": func(flags []*kingpin.FlagModel) (all []*kingpin.FlagModel) {
			return slices.DeleteFunc(slices.Clone(flags), func(f *kingpin.FlagModel) bool { return f.Hidden || slices.Contains(everywhere, f.Name) })
		},
		"Subcommands": func(c *kingpin.CmdModel) (rows [][2]string) {
			for _, one := range c.Commands {
				if !one.Hidden {
					rows = append(rows, [2]string{one.Name, Summary(one.Help)})
				}
			}
			return rows
		},
	}
}

// everywhere are flags that every command has, and that its help need not say.
var everywhere = []string{"help", "version", "color"}

// helpTemplate is kingpin's, with the program's own first screen, one line for each subcommand, and the examples
// on lines of their own.
const helpTemplate = `{{define "Line" -}}
{{if .FlagSummary}} {{.FlagSummary}}{{end -}}
{{range .Args}}{{if not .Hidden}} {{if not .Required}}[{{end}}<{{.Name}}>{{if .Value|IsCumulative}}...{{end}}{{if not .Required}}]{{end}}{{end}}{{end -}}
{{if .Commands}} <command> [<args> ...]{{end -}}
{{end -}}

{{with .Context.SelectedCommand -}}
usage: {{$.App.Name}} {{.FullCommand}}{{template "Line" .}}

{{.Help|About|Wrap 0}}
{{if len .Commands -}}
Commands:
{{.|Subcommands|FormatTwoColumns}}
{{end -}}
{{with $.Context.Args -}}
Arguments:
{{.|ArgsToTwoColumns|FormatTwoColumns}}
{{end -}}
{{with $.Context.Flags|Shown -}}
Flags:
{{.|FlagsToTwoColumns|FormatTwoColumns}}
{{end -}}
{{with .Help|Examples -}}
Examples:
{{range .}}  {{.}}
{{end -}}
{{end -}}
{{else -}}
{{Top -}}
{{end -}}
`
