package program

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/view"
)

// doctorCommand is doctor. The daemon looks: it is its machine, its token and its store.
func doctorCommand(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("doctor", "Is everything wired? The daemon checks its way from Prometheus through Alertmanager to itself, its rules, store, folders and open releases, and says what to do about each finding. Exit code 3 on a finding. Example: autorollback doctor --url http://localhost:9095")
	fire := cmd.Flag("fire", "Send a synthetic alert the whole way instead, and print the time of each leg.").Bool()
	out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	return map[string]cli.Action{cmd.FullCommand(): func(ctx context.Context) error {
		client, err := r.Client()
		if err != nil {
			return err
		}
		if *fire {
			f, err := client.Fire(ctx)
			if err != nil {
				return err
			}
			return cli.Join(out.Print(c.Out, f, func() error { return printFiring(c, f) }), cli.Found(f.Findings(), "leg", "legs"))
		}
		e, err := client.Examine(ctx)
		if err != nil {
			return err
		}
		return cli.Join(out.Print(c.Out, e, func() error { return printExamination(c, e) }), cli.Found(e.Findings(), "finding", "findings"))
	}}
}

func printExamination(c cli.Console, e view.Examination) error {
	var rows [][]string
	for _, k := range e.Checks {
		rows = append(rows, []string{k.Part, k.Name, string(k.State), k.What, k.Fix})
	}
	return c.Table("PART CHECK STATE WHAT FIX", rows)
}

func printFiring(c cli.Console, f view.Firing) error {
	var rows [][]string
	for _, l := range f.Legs {
		took := fmt.Sprintf("%.3f s", l.Seconds)
		rows = append(rows, []string{l.From, l.To, string(l.State), took, l.What, l.Fix})
	}
	return c.Table("FROM TO STATE TIME WHAT FIX", rows)
}
