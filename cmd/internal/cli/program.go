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
	"syscall"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/outbound"
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
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	chosen, err := app.Parse(keepDashes(app, args))
	if ended {
		return nil
	}
	if err != nil {
		return Usage(p.meant(app.Model(), args, err))
	}
	c.painting.decide(Terminal(out))
	if err = actions[chosen](ctx); err == context.Canceled && ctx.Err() != nil { //nolint:errorlint // one with more words keeps them
		return errStopped
	}
	return err
}

// errStopped ends a command that somebody stopped with Ctrl-C, and that does not end with it by design.
var errStopped = errors.New("stopped before it was done")

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
