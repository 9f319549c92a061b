package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/runbook"
)

// wrong are kingpin's sentences about a wrong command line.
var (
	wrongCommand = regexp.MustCompile(`^expected command but got "(.*)"$`)
	wrongFlag    = regexp.MustCompile(`^unknown long flag '--(.*)'$`)
	wrongValue   = regexp.MustCompile(`^enum value must be one of (\S+), got '(.*)'$`)
	missingFlags = regexp.MustCompile(`^required flag\(s\) (.*) not provided$`)
	missingArg   = regexp.MustCompile(`^required argument '(.*)' not provided$`)
	missingPart  = regexp.MustCompile(`^must select a subcommand of '(.*)'$`)
)

// meant says what is wrong with a command line, and what was probably meant.
func (p Program) meant(app *kingpin.ApplicationModel, args []string, err error) error {
	text := err.Error()
	find := func(r *regexp.Regexp) (found []string) { return r.FindStringSubmatch(text) }
	if m := find(wrongCommand); m != nil {
		return p.unknownCommand(visible(app), args, m[1])
	}
	if m := find(wrongFlag); m != nil {
		var known []string
		for _, f := range flagsOf(app, args) {
			known = append(known, f.Name)
		}
		return fmt.Errorf("there is no flag --%s%s", m[1], didYouMean("--", runbook.Nearest(m[1], known)))
	}
	if m := find(wrongValue); m != nil {
		known := strings.Split(m[1], ",")
		return fmt.Errorf("%q is none of %s%s", m[2], strings.Join(known, ", "), didYouMean("", runbook.Nearest(m[2], known)))
	}
	if m := find(missingFlags); m != nil {
		return fmt.Errorf("%s is missing", strings.ReplaceAll(strings.ReplaceAll(m[1], "'", ""), ", ", " and "))
	}
	if m := find(missingArg); m != nil {
		return fmt.Errorf("the argument <%s> is missing", m[1])
	}
	if m := find(missingPart); m != nil {
		return fmt.Errorf("%s %s needs a command: %s", p.Name, m[1], strings.Join(below(visible(app), m[1]), ", "))
	}
	return err
}

func didYouMean(before, word string) string {
	if word == "" {
		return ""
	}
	return "; did you mean " + before + word + "?"
}

// visible are the full names of the commands that the help has.
func visible(app *kingpin.ApplicationModel) (names []string) {
	for _, c := range app.FlattenedCommands() {
		if !c.Hidden && c.FullCommand != "help" {
			names = append(names, c.FullCommand)
		}
	}
	return names
}

// flagsOf are the flags of the command that the arguments begin with, and those of every command.
func flagsOf(app *kingpin.ApplicationModel, args []string) []*kingpin.FlagModel {
	all := app.Flags
	for _, c := range app.FlattenedCommands() {
		if words := strings.Fields(c.FullCommand); len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			all = slices.Concat(c.Flags, all)
		}
	}
	return all
}

// unknownCommand names the command that was probably meant.
func (p Program) unknownCommand(known, args []string, word string) error {
	if in := p.Elsewhere[word]; in != "" {
		return fmt.Errorf("%s is in another program: %s %s", word, in, word)
	}
	near := nearest(known, args, word)
	if len(near) == 0 {
		return fmt.Errorf("there is no command %q", word)
	}
	return fmt.Errorf("there is no command %q; did you mean %s %s?", word, p.Name, strings.Join(narrowed(near, args), ", or "+p.Name+" "))
}

// nearest are the commands that have a word like it: below the group that was typed, if there is one, or else
// anywhere.
func nearest(known, args []string, word string) (near []string) {
	inside := slices.DeleteFunc(slices.Clone(known), func(full string) bool { return args[0] == word || !strings.HasPrefix(full, args[0]+" ") })
	for _, from := range [][]string{inside, known} {
		if whole := runbook.Nearest(word, from); whole != "" { // nearer than a part of another
			return []string{whole}
		}
		for _, full := range from {
			if runbook.Nearest(word, strings.Fields(full)) != "" {
				near = append(near, full)
			}
		}
		if len(near) > 0 {
			return near
		}
	}
	return nil
}

// below are the commands of a group.
func below(known []string, group string) (names []string) {
	for _, full := range known {
		if name, ok := strings.CutPrefix(full, group+" "); ok {
			names = append(names, name)
		}
	}
	return names
}

// narrowed leaves of the commands those that have the next word as well. Without one, a group that has
// many is named alone.
func narrowed(near, args []string) []string {
	if len(args) > 1 {
		next := slices.DeleteFunc(slices.Clone(near), func(full string) bool { return !slices.Contains(strings.Fields(full), args[1]) })
		if len(next) > 0 {
			return next
		}
	}
	group, _, _ := strings.Cut(near[0], " ")
	if other := func(full string) bool { return !strings.HasPrefix(full, group+" ") }; len(near) > 3 && !slices.ContainsFunc(near, other) {
		return []string{group}
	}
	return near
}
