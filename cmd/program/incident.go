package program

import (
	"cmp"
	"context"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/cmd/program/trail"
	"github.com/autorollback/autorollback/record"
)

// incidentCommands are incident list, show, export, followup and check.
func incidentCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("incident", "Look at incidents.")
	list := cmd.Command("list", "List incidents, newest first. Example: autorollback incident list")
	listOut, listRemote := cli.OutputFlag(list), cli.RemoteFlags(list)

	showName, show := incidentShow(cmd, c)
	exportName, export := incidentExport(cmd, c)
	followName, follow := incidentFollowUp(cmd, c)
	checkName, check := trail.IncidentCheck(cmd, c)

	return map[string]cli.Action{
		list.FullCommand(): func(ctx context.Context) error { return listIncidents(ctx, c, listRemote, listOut) },
		showName:           show,
		exportName:         export,
		followName:         follow,
		checkName:          check,
	}
}

func listIncidents(ctx context.Context, c cli.Console, r *cli.Remote, out *cli.Output) error {
	client, err := r.Client()
	if err != nil {
		return err
	}
	all, err := client.Incidents(ctx)
	if err != nil {
		return err
	}
	return out.Print(c.Out, all, func() error { return printIncidents(c, all) })
}

func printIncidents(c cli.Console, all []record.Incident) error {
	var rows [][]string
	for _, i := range all {
		verdict := "-"
		if i.Verdict != nil {
			verdict = string(i.Verdict.Outcome)
		}
		rows = append(rows, []string{i.ID, i.Service, i.Region, cli.Moment(i.OpenedAt), cmp.Or(i.Breach.Trigger, "by "+cmp.Or(i.By, "hand")),
			string(i.Decision.Action), string(i.Phase), verdict})
	}
	return c.Table("INCIDENT SERVICE REGION OPENED TRIGGER DECISION PHASE VERDICT", rows)
}

func incidentShow(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("show", "Show one incident as Markdown. Example: autorollback incident show inc-0123456789ab")
	out, watch, r := cli.OutputFlag(cmd), cli.WatchFlags(cmd), cli.RemoteFlags(cmd)
	id := cmd.Arg("id", "The incident's id.").HintAction(r.Incidents).Required().String()
	return cmd.FullCommand(), func(ctx context.Context) error {
		client, err := r.Client()
		if err != nil {
			return err
		}
		return watch.Run(ctx, c, func(ctx context.Context, c cli.Console) error {
			if !out.Text() {
				inc, err := client.Incident(ctx, *id)
				if err != nil {
					return err
				}
				return out.Print(c.Out, inc, nil)
			}
			text, err := client.Markdown(ctx, *id)
			if err != nil {
				return err
			}
			_, err = c.Out.Write(text)
			return err
		})
	}
}

func incidentExport(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("export", "Write an incident's page as one HTML file that opens offline and prints whole. "+
		"The same incident gives the same bytes. Example: autorollback incident export inc-0123456789ab -O incident.html")
	file := cmd.Flag("output", "The file to write; - is standard output.").Short('O').Default("-").String()
	r := cli.RemoteFlags(cmd)
	id := cmd.Arg("id", "The incident's id.").HintAction(r.Incidents).Required().String()
	return cmd.FullCommand(), func(ctx context.Context) error {
		client, err := r.Client()
		if err != nil {
			return err
		}
		page, err := client.Page(ctx, *id)
		if err != nil {
			return err
		}
		if *file == "-" {
			_, err = c.Out.Write(page)
			return err
		}
		return cli.WriteFile(*file, page)
	}
}
