package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// man is the manual page in man's own language.
func (p Program) man(w io.Writer) {
	app, _ := p.Application(Console{})
	fmt.Fprintf(w, ".TH %s 1 \"\" \"%s %s\"\n.SH NAME\n%s \\- %s\n", strings.ToUpper(p.Name), p.Name, roff(p.Version), p.Name, roff(strings.TrimSuffix(lowerFirst(p.Help), ".")))
	fmt.Fprintf(w, ".SH SYNOPSIS\n\\fB%s\\fR \\fICOMMAND\\fR [\\fIFLAGS\\fR] [\\fIARGUMENTS\\fR]\n.SH DESCRIPTION\n", p.Name)
	for _, g := range p.Groups {
		fmt.Fprintf(w, ".SS %s\n", roff(g.Title))
		for _, l := range g.Lines {
			fmt.Fprintf(w, ".TP\n\\fB%s\\fR\n%s\n", roff(l[0]), roff(l[1]))
		}
	}
	fmt.Fprintln(w, ".SH COMMANDS")
	for _, c := range app.Model().FlattenedCommands() {
		if !c.Hidden && c.FullCommand != "help" {
			manCommand(w, p.Name, c)
		}
	}
	manRemote(w)
	fmt.Fprintln(w, ".SH EXIT STATUS")
	for _, e := range Exits {
		fmt.Fprintf(w, ".TP\n\\fB%d\\fR\n%s\n", e.Code, roff(e.Means))
	}
	fmt.Fprintln(w, ".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\nAny value: no colours.")
}

func manCommand(w io.Writer, program string, c *kingpin.CmdModel) {
	fmt.Fprintf(w, ".SS %s %s%s\n%s\n", program, roff(c.FullCommand), roff(synopsis(c)), roff(about(c.Help)))
	for _, a := range c.Args {
		fmt.Fprintf(w, ".TP\n\\fI%s\\fR\n%s\n", roff(a.Name), roff(a.Help))
	}
	for _, f := range c.Flags {
		if !f.Hidden && !slices.Contains(remoteNames, f.Name) {
			manFlag(w, f)
		}
	}
	if all := Examples(c.Help); len(all) > 0 {
		fmt.Fprintf(w, ".PP\nExamples:\n.EX\n")
		for _, line := range all {
			fmt.Fprintf(w, "%s\n", roff("  "+line))
		}
		fmt.Fprintln(w, ".EE")
	}
}

func manFlag(w io.Writer, f *kingpin.FlagModel) {
	name := "--" + f.Name
	if f.Short != 0 {
		name = "-" + string(f.Short) + ", " + name
	}
	if !f.IsBoolFlag() {
		name += "=" + f.FormatPlaceHolder()
	}
	fmt.Fprintf(w, ".TP\n\\fB%s\\fR\n%s\n", roff(name), roff(f.HelpWithEnvar()))
}

// manRemote are the flags that every command has that asks the daemon, once for all of them.
func manRemote(w io.Writer) {
	fmt.Fprintln(w, ".SH OPTIONS OF COMMANDS THAT ASK THE DAEMON")
	cmd := kingpin.New("", "").Command("any", "")
	RemoteFlags(cmd)
	for _, f := range cmd.Model().Flags {
		manFlag(w, f)
	}
}

// synopsis is what follows a command's name: the flags that it needs, and its arguments.
func synopsis(c *kingpin.CmdModel) string {
	text := ""
	if c.FlagGroupModel != nil {
		text = c.FlagSummary()
	}
	for _, a := range c.Args {
		name := "<" + a.Name + ">"
		if r, ok := a.Value.(interface{ IsCumulative() bool }); ok && r.IsCumulative() {
			name += "..."
		}
		if !a.Required {
			name = "[" + name + "]"
		}
		text += " " + name
	}
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return " " + text
}

// roff keeps a text from being read as a request or an escape.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "\n", " ").Replace(text)
	if strings.HasPrefix(text, ".") {
		return `\&` + text
	}
	return text
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
