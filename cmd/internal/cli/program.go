// Package cli is what the programs share: how a command line becomes a call, exit codes,
// and how results are printed. It never decides anything.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
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
}

// Main runs the program and exits.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
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
	app.Terminate(func(int) { ended = true })
	actions := p.Declare(app, Console{in, out, errs})
	chosen, err := app.Parse(args)
	if ended {
		return nil
	}
	if err != nil {
		return Usage(err)
	}
	return actions[chosen](ctx)
}

// Declare declares every subcommand.
func (p Program) Declare(app *kingpin.Application, c Console) map[string]Action {
	all := map[string]Action{}
	for _, declare := range p.Commands {
		maps.Copy(all, declare(app, c))
	}
	return all
}
