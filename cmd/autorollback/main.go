// Command autorollback rolls back bad machine-learning model releases by itself, and
// proves that the service recovered. See README.md for what it does and never does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // schedules name timezones; a bare container has no zone files

	"github.com/alecthomas/kingpin/v2"
)

// version is set by the linker.
var version = "dev"

// Exit codes.
const (
	exitOK      = 0
	exitError   = 1 // it did not work
	exitUsage   = 2 // the command line is wrong
	exitWanting = 3 // it worked, and what was checked is found wanting
	exitRefused = 4 // a rule forbids it
	exitUnclear = 5 // it worked, and nothing can be said
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, errSilent) {
		fmt.Fprintln(os.Stderr, "autorollback: "+err.Error())
	}
	os.Exit(exitCode(err))
}

// An action is what a subcommand does once its flags are read.
type action func(ctx context.Context) error

// console is where a command reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// run is the program as a function.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	app := kingpin.New("autorollback", "Rolls back bad model releases and proves that the service recovered.")
	app.Version(version)
	app.HelpFlag.Short('h')
	app.UsageWriter(out)
	app.ErrorWriter(errs)
	ended := false
	app.Terminate(func(int) { ended = true })
	actions := commands(app, console{in, out, errs})
	chosen, err := app.Parse(args)
	if ended {
		return nil
	}
	if err != nil {
		return usage{err}
	}
	return actions[chosen](ctx)
}

// commands declares every subcommand; the keys are their full names.
func commands(app *kingpin.Application, c console) map[string]action {
	all := map[string]action{}
	for _, declare := range []func(*kingpin.Application, console) map[string]action{
		serveCommand, demoCommand, runbookCommands, rulesCommands, releaseCommands, incidentCommands, approvalCommands, controlCommands, auditCommands, healthyCommand, shadowCommands, backtestCommand, gamedayCommands,
	} {
		for name, a := range declare(app, c) {
			all[name] = a
		}
	}
	return all
}
