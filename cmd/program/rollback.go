package program

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// rollbackCommand is the one way back by hand, at the top level: who needs it is in a hurry.
func rollbackCommand(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	name, action := declareRollback(app.Command, c)
	return map[string]cli.Action{name: action}
}

// formerRollback is the same command under the name that it had, which printed runbooks may still have.
func formerRollback(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	return declareRollback(func(name, help string) *kingpin.CmdClause { return parent.Command(name, help).Hidden() }, c)
}

func declareRollback(command func(name, help string) *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := command("rollback", "Move all traffic to the stable bundle now, in one transaction. A service in several regions is rolled back in each; a region that does not answer is named and tried again, with exit code 3. Example: autorollback rollback ranker --reason 'users complain'")
	t := targetFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		client, err := t.remote.Client()
		if err != nil {
			return err
		}
		if *t.region == runbook.DefaultRegion {
			return rollbackAll(ctx, c, client, t)
		}
		inc, err := client.Rollback(ctx, *t.service, *t.region, *t.reason)
		if err != nil {
			return err
		}
		return t.output.Print(c.Out, inc, func() error { return printRollback(c.Out, inc) })
	}
}

func printRollback(w io.Writer, inc record.Incident) error {
	_, err := fmt.Fprintf(w, "%s: %s\nRecovery is being verified: autorollback incident show %s\n", inc.ID, moved(inc), inc.ID)
	return err
}

func moved(inc record.Incident) string {
	if inc.Change == nil {
		return string(inc.Phase)
	}
	return fmt.Sprintf("traffic moved from %v to %v", inc.Change.From, inc.Change.To)
}
