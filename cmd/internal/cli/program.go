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

// Exit codes.
const (
	ExitOK      = 0
	ExitError   = 1 // it did not work
	ExitUsage   = 2 // the command line is wrong
	ExitWanting = 3 // it worked, and what was checked is found wanting
	ExitRefused = 4 // a rule forbids it
	ExitUnclear = 5 // it worked, and nothing can be said
)

// An Action is what a subcommand does once its flags are read.
type Action func(ctx context.Context) error

// A Console is where a command reads and writes.
type Console struct {
	In       io.Reader
	Out, Err io.Writer
}

// A Declare declares subcommands; the keys are their full names.
type Declare func(*kingpin.Application, Console) map[string]Action

// A Program is a command line program.
type Program struct {
	Name, Help, Version string
	Commands            []Declare
	Elsewhere           map[string]string // commands that people look for here, and the program that has them
}

// Main runs the program and exits.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log.SetOutput(outbound.Log(os.Stderr)) // net/http writes there
	err := p.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, ErrSilent) {
		fmt.Fprintln(os.Stderr, p.Name+": "+err.Error())
	}
	os.Exit(ExitCode(err))
}

// Run is the program as a function.
func (p Program) Run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	app := kingpin.New(p.Name, p.Help)
	app.Version(p.Version)
	app.HelpFlag.Short('h')
	app.UsageWriter(out)
	app.ErrorWriter(errs)
	ended := false
	app.Terminate(func(int) {
		ended = true
		app.UsageWriter(io.Discard) // it goes on parsing, and would print its help again
	})
	actions := p.Declare(app, Console{in, out, errs})
	chosen, err := app.Parse(keepDashes(app, args))
	if ended {
		return nil
	}
	if err != nil {
		return Usage(p.meant(actions, args, err))
	}
	return actions[chosen](ctx)
}

// meant adds to the error about an unknown command the one that was probably meant.
func (p Program) meant(actions map[string]Action, args []string, err error) error {
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
	if len(near) == 0 {
		return fmt.Errorf("there is no command %q", word)
	}
	return fmt.Errorf("there is no command %q; did you mean %s %s?", word, p.Name, strings.Join(narrowed(near, args), ", or "+p.Name+" "))
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

// Declare declares every subcommand.
func (p Program) Declare(app *kingpin.Application, c Console) map[string]Action {
	all := map[string]Action{}
	for _, declare := range p.Commands {
		maps.Copy(all, declare(app, c))
	}
	return all
}
