// Package cli is what the programs share: how a command line becomes a call, exit codes,
// and how results are printed. It never decides anything.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/runbook"
)

// An Action is what a subcommand does once its flags are read.
type Action func(ctx context.Context) error

// A Console is where a command reads and writes.
type Console struct {
	In       io.Reader
	Out, Err io.Writer

	painting *painting // nil: no colours
}

// A Declare declares subcommands; the keys are their full names.
type Declare func(*kingpin.Application, Console) map[string]Action

// A Program is a command line program.
type Program struct {
	Name, Help, Version string
	Commands            []Declare
	Groups              []Group           // of the help: every command is in one of them
	Elsewhere           map[string]string // commands that people look for here, and the program that has them
}

// Main runs the program and exits.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log.SetOutput(outbound.Log(os.Stderr)) // net/http writes there
	err := p.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, ErrSilent) {
		fmt.Fprintln(&screen{to: os.Stderr, painting: new(painting)}, p.Name+": "+err.Error())
	}
	os.Exit(ExitCode(err))
}

// Run is the program as a function.
func (p Program) Run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	c := Console{In: in, painting: new(painting)}
	c.Out, c.Err = &screen{to: out, painting: c.painting}, &screen{to: errs, painting: c.painting}
	if slices.Contains(args, "--help-man") {
		p.man(out)
		return nil
	}
	app, actions := p.Application(c)
	app.UsageWriter(out)
	app.ErrorWriter(errs)
	ended := false
	app.Terminate(func(int) {
		ended = true
		app.UsageWriter(io.Discard) // it goes on parsing, and would print its help again
	})
	chosen, err := app.Parse(keepDashes(app, args))
	if ended {
		return nil
	}
	if err != nil {
		return Usage(p.meant(actions, args, err))
	}
	c.painting.decide(Terminal(out))
	return actions[chosen](ctx)
}

// meant adds to the error about an unknown command the one that was probably meant.
func (p Program) meant(actions map[string]Action, args []string, err error) error {
	if group, ok := strings.CutPrefix(err.Error(), "must select a subcommand of "); ok {
		return fmt.Errorf("%s %s needs a command: %s", p.Name, strings.Trim(group, "'"), strings.Join(below(actions, strings.Trim(group, "'")), ", "))
	}
	unknown, ok := strings.CutPrefix(err.Error(), "expected command but got ")
	word, bad := strconv.Unquote(unknown)
	if !ok || bad != nil {
		return err
	}
	if in := p.Elsewhere[word]; in != "" {
		return fmt.Errorf("%s is in another program: %s %s", word, in, word)
	}
	var near []string
	for _, full := range slices.Sorted(maps.Keys(actions)) {
		words := strings.Fields(full)
		if args[0] != word {
			words = words[1:]
			if !strings.HasPrefix(full, args[0]+" ") {
				continue
			}
		}
		if runbook.Nearest(word, words) != "" {
			near = append(near, full)
		}
	}
	if first := slices.IndexFunc(near, func(full string) bool { return runbook.Nearest(word, []string{full}) != "" }); first >= 0 {
		near = near[first : first+1] // a whole command is nearer than a part of another
	}
	if len(near) == 0 {
		return fmt.Errorf("there is no command %q", word)
	}
	return fmt.Errorf("there is no command %q; did you mean %s %s?", word, p.Name, strings.Join(narrowed(near, args), ", or "+p.Name+" "))
}

// below are the commands of a group.
func below(actions map[string]Action, group string) (names []string) {
	for _, full := range slices.Sorted(maps.Keys(actions)) {
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

// Application is the command line, and what each command does.
func (p Program) Application(c Console) (*kingpin.Application, map[string]Action) {
	app := kingpin.New(p.Name, p.Help)
	app.Version(p.Version)
	app.HelpFlag.Short('h')
	app.UsageTemplate(helpTemplate).UsageFuncs(p.helpFuncs())
	if c.painting == nil {
		c.painting = new(painting)
	}
	c.painting.declare(app)
	actions := map[string]Action{}
	for _, declare := range p.Commands {
		maps.Copy(actions, declare(app, c))
	}
	return app, actions
}
