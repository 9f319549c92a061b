package cli

import (
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// keepDashes writes a lone -, which stands for standard input and which kingpin reads as nothing, so that
// kingpin reads it: as --flag=- where a flag before it takes a value, and otherwise behind --, last of all.
func keepDashes(app *kingpin.Application, args []string) []string {
	takes := map[string]bool{}
	valued(app.Model().FlagGroupModel, app.Model().CmdGroupModel, takes)
	var out, last []string
	for i, arg := range args {
		switch {
		case arg == "--":
			return slices.Concat(out, []string{"--"}, last, args[i+1:])
		case arg != "-":
			out = append(out, arg)
		case i > 0 && takes[args[i-1]] && strings.HasPrefix(args[i-1], "--"):
			out[len(out)-1] += "=-"
		case i > 0 && takes[args[i-1]]:
			out[len(out)-1] += "-" // -f- is -f with the value -
		default:
			last = append(last, "-")
		}
	}
	if last == nil {
		return out
	}
	return slices.Concat(out, []string{"--"}, last)
}

// valued collects the flags that take a value, as they are typed.
func valued(flags *kingpin.FlagGroupModel, commands *kingpin.CmdGroupModel, into map[string]bool) {
	for _, f := range flags.Flags {
		if f.IsBoolFlag() {
			continue
		}
		into["--"+f.Name] = true
		if f.Short != 0 {
			into["-"+string(f.Short)] = true
		}
	}
	for _, c := range commands.Commands {
		valued(c.FlagGroupModel, c.CmdGroupModel, into)
	}
}
