package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/web"
)

// incidentCommands are incident list, show and check.
func incidentCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("incident", "Look at incidents.")
	list := cmd.Command("list", "List incidents, newest first. Example: autorollback incident list")
	listFormat, listRemote := cli.Format(list), remoteFlags(list)

	show := cmd.Command("show", "Show one incident as Markdown. Example: autorollback incident show inc-0123456789ab")
	id := show.Arg("id", "The incident's id.").Required().String()
	showFormat, showRemote := cli.Format(show), remoteFlags(show)

	checkName, check := checkEvidence(cmd, c)

	return map[string]cli.Action{
		list.FullCommand(): func(ctx context.Context) error { return listIncidents(ctx, c, listRemote, *listFormat) },
		show.FullCommand(): func(ctx context.Context) error { return showIncident(ctx, c, showRemote, *id, *showFormat) },
		checkName:          check,
	}
}

func listIncidents(ctx context.Context, c cli.Console, r *remote, format string) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	all, err := client.Incidents(ctx)
	if err != nil {
		return err
	}
	if format == "json" {
		return cli.PrintJSON(c.Out, all)
	}
	var rows [][]string
	for _, i := range all {
		verdict := "-"
		if i.Verdict != nil {
			verdict = string(i.Verdict.Outcome)
		}
		rows = append(rows, []string{i.ID, i.Service, i.Region, moment(i.OpenedAt), or(i.Breach.Trigger, "by "+or(i.By, "hand")),
			string(i.Decision.Action), string(i.Phase), verdict})
	}
	return cli.Table(c.Out, "INCIDENT SERVICE REGION OPENED TRIGGER DECISION PHASE VERDICT", rows)
}

func showIncident(ctx context.Context, c cli.Console, r *remote, id, format string) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	if format == "json" {
		inc, err := client.Incident(ctx, id)
		if err != nil {
			return err
		}
		return cli.PrintJSON(c.Out, inc)
	}
	text, err := client.Markdown(ctx, id)
	if err != nil {
		return err
	}
	_, err = c.Out.Write(text)
	return err
}

// approvalCommands are the command-line twins of the link.
func approvalCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	all := map[string]cli.Action{}
	for name, help := range map[string]string{
		"approve": "Approve what an approval asks, like the link does. Example: autorollback approve 0123… --service ranker",
		"reject":  "Reject it; a reason is needed. Example: autorollback reject 0123… --service ranker --reason 'expected during the backfill'",
	} {
		cmd := app.Command(name, help)
		id := cmd.Arg("id", "The approval's id.").Required().String()
		service := cmd.Flag("service", "The service's name, typed as a check.").Required().String()
		reason := cmd.Flag("reason", "Why; it is kept.").String()
		tokenFile := cmd.Flag("token-file", "File with the link's token, where the daemon lets nobody sign in; - is standard input.").String()
		anyway := false
		if name == "approve" {
			cmd.Flag("anyway", "Roll back though the trigger is not breaching any more.").BoolVar(&anyway)
		}
		out, r := cli.Format(cmd), remoteFlags(cmd)
		all[name] = func(ctx context.Context) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			var token []byte
			if *tokenFile != "" {
				if token, err = readFile(c.In, *tokenFile); err != nil {
					return fmt.Errorf("read the link's token: %w", err)
				}
			}
			a, err := client.Answer(ctx, *id, web.Decision{Decision: name, Service: *service, Reason: *reason, Anyway: anyway, Token: strings.TrimSpace(string(token))})
			if err != nil {
				return err
			}
			if *out == "json" {
				return cli.PrintJSON(c.Out, a)
			}
			fmt.Fprintf(c.Out, "%s: %s by %s (%s); autorollback incident show %s\n", a.ID, a.Status, a.By, a.How, a.Incident)
			return nil
		}
	}
	return all
}

// controlCommands turn the stop switch.
func controlCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("control", "The stop switch of the whole installation.")
	show := cmd.Command("show", "Show the automation mode. Example: autorollback control show")
	showRemote := remoteFlags(show)
	set := cmd.Command("set", "Set the automation mode. Example: autorollback control set paused --reason 'network maintenance' --for 2h")
	mode := set.Arg("mode", "active, observe or paused.").Required().Enum("active", "observe", "paused")
	reason := set.Flag("reason", "Why; it is kept with your name.").Required().String()
	span := set.Flag("for", "How long a pause lasts; after it people are asked, it does not end silently.").Default("4h").Duration()
	setRemote := remoteFlags(set)
	return map[string]cli.Action{
		show.FullCommand(): func(ctx context.Context) error {
			client, err := showRemote.client()
			if err != nil {
				return err
			}
			ctl, err := client.Control(ctx)
			if err != nil {
				return err
			}
			return cli.PrintJSON(c.Out, ctl)
		},
		set.FullCommand(): func(ctx context.Context) error {
			client, err := setRemote.client()
			if err != nil {
				return err
			}
			want := record.Control{Mode: runbook.Mode(*mode), By: or(setRemote.user, os.Getenv("USER")), Reason: *reason}
			if want.Mode == runbook.Paused {
				want.Until = time.Now().UTC().Add(*span)
			}
			ctl, err := client.SetControl(ctx, want)
			if err != nil {
				return err
			}
			return cli.PrintJSON(c.Out, ctl)
		},
	}
}

// healthyCommand asks a daemon whether it lives, for containers without a shell.
func healthyCommand(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("healthy", "Ask a daemon whether it can do its work. Exit code 1 if not. Example: autorollback healthy")
	r := remoteFlags(cmd)
	return map[string]cli.Action{cmd.FullCommand(): func(ctx context.Context) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, client.URL+"/-/ready", nil)
		if err != nil {
			return fmt.Errorf("ask %s: %w", client.URL, err)
		}
		resp, err := client.HTTP.Do(req)
		if err != nil {
			return fmt.Errorf("ask %s: %w", client.URL, outbound.Cause(err))
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
		if err == nil && resp.StatusCode != http.StatusOK {
			err = errors.New(outbound.Excerpt(string(text)))
		}
		return err
	}}
}
