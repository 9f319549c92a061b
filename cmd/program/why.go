package program

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/report"
)

// whyCommand answers the question that is asked after every alert, and after every silence.
func whyCommand(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("why", "Why a service was rolled back, or not: what fired, what Prometheus said, which guard decided, "+
		"and what keeps triggers from firing now. For an incident, significance and decision are computed again; "+
		"exit code 3 if they come out differently. Example: autorollback why ranker error-rate")
	out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	name := cmd.Arg("service or incident", "The service's name, or the incident's id.").HintAction(r.Services).HintAction(r.Incidents).Required().String()
	trigger := cmd.Arg("trigger", "Only this trigger of the service.").String()
	return map[string]cli.Action{cmd.FullCommand(): func(ctx context.Context) error {
		client, err := r.Client()
		if err != nil {
			return err
		}
		w, err := client.Why(ctx, *name, *trigger)
		if err != nil {
			return err
		}
		err = out.Print(c.Out, w, func() error {
			for n, s := range report.Why(w) {
				if n > 0 {
					fmt.Fprintln(c.Out)
				}
				fmt.Fprintln(c.Out, c.Bold(s.Title))
				for _, line := range s.Lines {
					fmt.Fprintln(c.Out, "  "+line)
				}
			}
			return nil
		})
		if err == nil && w.Disagrees() {
			return cli.Wanting("computed again, it comes out differently")
		}
		return err
	}}
}
