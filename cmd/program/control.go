package program

import (
	"cmp"
	"context"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// controlCommands turn the stop switch.
func controlCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("control", "The stop switch of the whole installation.")
	show := cmd.Command("show", "Show the automation mode. Example: autorollback control show")
	showOut, showRemote := cli.OutputFlag(show), cli.RemoteFlags(show)
	set := cmd.Command("set", "Set the automation mode. Example: autorollback control set paused --reason 'network maintenance' --for 2h")
	mode := set.Arg("mode", "active, observe or paused.").HintOptions("active", "observe", "paused").Required().Enum("active", "observe", "paused")
	reason := set.Flag("reason", "The reason; it is recorded with your name.").Required().String()
	span := set.Flag("for", "How long a pause lasts. After it, automation asks people until somebody sets active.").Default("4h").Duration()
	setOut, setRemote := cli.OutputFlag(set), cli.RemoteFlags(set)
	return map[string]cli.Action{
		show.FullCommand(): func(ctx context.Context) error {
			client, err := showRemote.Client()
			if err != nil {
				return err
			}
			ctl, err := client.Control(ctx)
			if err != nil {
				return err
			}
			return showOut.Line(c.Out, ctl, "%s", modeLine(c, ctl))
		},
		set.FullCommand(): func(ctx context.Context) error {
			client, err := setRemote.Client()
			if err != nil {
				return err
			}
			want := record.Control{Mode: runbook.Mode(*mode), By: cmp.Or(setRemote.User, os.Getenv("USER")), Reason: *reason}
			if want.Mode == runbook.Paused {
				want.Until = time.Now().UTC().Add(*span)
			}
			ctl, err := client.SetControl(ctx, want)
			if err != nil {
				return err
			}
			return setOut.Line(c.Out, ctl, "%s", modeLine(c, ctl))
		},
	}
}

// modeLine says in a line what the daemon may do without a human.
func modeLine(c cli.Console, ctl record.Control) string {
	line := "automation: " + c.State(string(cmp.Or(ctl.Mode, runbook.Active)))
	if ctl.By != "" {
		line += ", set by " + ctl.By
	}
	if !ctl.Until.IsZero() {
		line += ", until " + cli.Moment(ctl.Until)
	}
	if ctl.Reason != "" {
		line += ": " + ctl.Reason
	}
	return line
}
