package program

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// recoverCommand shows what a store that went back in time has lost, and brings it in line after
// a yes.
func recoverCommand(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("recover", "Show what a store that went back in time has lost (it was restored from a backup, wiped, or is another one), and put it right after a yes. Exit code 3 with --dry-run if something is missing. Example: autorollback recover ranker --reason 'restored the snapshot of 9:00'")
	out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	service := cmd.Arg("service", "Only this service; default: each that is held back.").HintAction(r.Services).String()
	region := cmd.Flag("region", "Only this region.").String()
	dry := cmd.Flag("dry-run", "Show it and change nothing.").Bool()
	yes := cmd.Flag("yes", "Do not ask for confirmation.").Bool()
	reason := cmd.Flag("reason", "The reason; it is recorded with your name. Needed unless --dry-run.").String()
	return map[string]cli.Action{cmd.FullCommand(): func(ctx context.Context) error {
		if !*dry && *reason == "" {
			return cli.Usage(errors.New("give a --reason, or only look: --dry-run"))
		}
		client, err := r.Client()
		if err != nil {
			return err
		}
		lost, err := recoveries(ctx, client, *service, *region)
		if err != nil {
			return err
		}
		err = out.Print(c.Out, lost, func() error { return printRecoveries(c, lost) })
		switch {
		case err != nil || len(lost) == 0:
			return err
		case *dry:
			return cli.Found(len(lost), "service", "services")
		}
		answers := bufio.NewScanner(c.In)
		for _, one := range lost {
			if !*yes && !typed(c.Err, answers, one.Service) {
				return runbook.Refuse("%s was not typed: nothing more is changed", one.Service)
			}
			if _, err := client.Recover(ctx, one.Service, one.Region, api.Recover{Reason: *reason, Plan: one.Plan}); err != nil {
				return fmt.Errorf("recover %s in %s: %w", one.Service, one.Region, err)
			}
			fmt.Fprintf(c.Err, "%s in %s is recovered; autorollback release status %s\n", one.Service, one.Region, one.Service)
		}
		return nil
	}}
}

// recoveries are those of the targets that are held back.
func recoveries(ctx context.Context, client api.Client, service, region string) ([]view.Recovery, error) {
	st, err := client.Status(ctx)
	if err != nil {
		return nil, err
	}
	lost := []view.Recovery{}
	for _, b := range st.Behind {
		if service != "" && b.Service != service || region != "" && b.Region != region {
			continue
		}
		one, err := client.Recovery(ctx, b.Service, b.Region)
		switch {
		case errors.Is(err, runbook.ErrNotFound): // somebody was first
		case err != nil:
			return nil, fmt.Errorf("look at %s in %s: %w", b.Service, b.Region, err)
		default:
			lost = append(lost, one)
		}
	}
	return lost, nil
}

func printRecoveries(c cli.Console, lost []view.Recovery) error {
	w := c.Out
	if len(lost) == 0 {
		_, err := fmt.Fprintln(w, "The store has every record that is known: nothing is held back.")
		return err
	}
	for _, one := range lost {
		fmt.Fprintf(w, "%s in %s: %s\n\n", one.Service, one.Region, one.Why)
		var rows [][]string
		for _, l := range one.Lines {
			rows = append(rows, []string{l.What, l.Known, l.Store, l.Then})
		}
		if err := c.Table("MISSING KNOWN STORE THEN", rows); err != nil {
			return err
		}
		if one.Shift && one.Change != nil {
			fmt.Fprintf(w, "traffic moves from %v to %v\n", one.Change.From, one.Change.To)
		}
		if one.Problem != "" {
			fmt.Fprintf(w, "it cannot be done now: %s\n", one.Problem)
		}
		fmt.Fprintln(w)
	}
	return nil
}

// typed asks a person to write the service's name.
func typed(w io.Writer, answers *bufio.Scanner, service string) bool {
	fmt.Fprintf(w, "Type %s to bring it in line as shown: ", service)
	return answers.Scan() && strings.TrimSpace(answers.Text()) == service
}
