package program

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// mostObserved is how many incidents the daemon hands out at most.
const mostObserved = 100

// observeCommand says what the daemon would have done, before somebody arms it.
func observeCommand(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("observe", "Before you arm the daemon: what it would have done.")
	report := cmd.Command("report", "Say what the daemon would have done while it observed, and how much earlier than people did it. Example: autorollback observe report --since 14d ranker")
	since := report.Flag("since", "How far back, e.g. 14d or 12h.").Default("14d").String()
	out, r := cli.OutputFlag(report), cli.RemoteFlags(report)
	service := report.Arg("service", "Only this service.").HintAction(r.Services).String()
	return map[string]cli.Action{report.FullCommand(): func(ctx context.Context) error {
		back, err := runbook.ParseDuration(*since)
		if err != nil {
			return cli.Usage(fmt.Errorf("--since: %w", err))
		}
		client, err := r.Client()
		if err != nil {
			return err
		}
		all, err := client.Incidents(ctx)
		if err != nil {
			return err
		}
		now := time.Now()
		found := view.Observed(all, *service, now.Add(-back.Std()), now, mostObserved)
		return out.Print(c.Out, found, func() error { return printObserved(c, found) })
	}}
}

func printObserved(c cli.Console, r view.ObserveReport) error {
	fmt.Fprintf(c.Out, "%s to %s: active mode would have rolled back %d times, asked a human %d times, and frozen a ramp %d times.\n",
		cli.Moment(r.From), cli.Moment(r.To), r.Count[record.RollBack], r.Count[record.Ask], r.Count[record.Freeze])
	if r.Older {
		fmt.Fprintf(c.Out, "Only the newest %d incidents were looked at: there may be older ones.\n", mostObserved)
	}
	if len(r.Incidents) == 0 {
		return nil
	}
	fmt.Fprintln(c.Out)
	var rows [][]string
	for _, w := range r.Incidents {
		people := "nobody moved it"
		switch {
		case w.Sooner > 0:
			people = "moved it " + runbook.Span(w.Sooner.Std()) + " later"
		case !w.MovedAt.IsZero():
			people = "moved it"
		}
		rows = append(rows, []string{cli.Moment(w.At), w.Service, w.Region, w.Candidate, cmp.Or(w.Trigger, "-"),
			strings.ReplaceAll(string(w.Action), "_", " "), people, w.Incident})
	}
	return c.Table("AT SERVICE REGION CANDIDATE TRIGGER WOULD PEOPLE INCIDENT", rows)
}
