package trail

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// auditList lists the order log.
func auditList(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("list", "List who ordered what, newest first. Example: autorollback audit list --service ranker --since 7d")
	var q view.OrderQuery
	out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	cmd.Flag("service", "Orders about this service, and about the whole installation.").HintAction(r.Services).StringVar(&q.Service)
	cmd.Flag("by", "Orders of this person.").StringVar(&q.By)
	since := cmd.Flag("since", "How far back, e.g. 12h or 7d; default: all that is kept.").String()
	cmd.Flag("limit", fmt.Sprintf("This many at most, newest first; up to %d.", view.MaxOrders)).Default("100").IntVar(&q.Limit)
	return cmd.FullCommand(), func(ctx context.Context) error {
		if *since != "" {
			back, err := runbook.ParseDuration(*since)
			if err != nil {
				return cli.Usage(fmt.Errorf("--since: %w", err))
			}
			q.Since = time.Now().Add(-back.Std())
		}
		client, err := r.Client()
		if err != nil {
			return err
		}
		all, err := client.Orders(ctx, q)
		if err != nil {
			return err
		}
		return out.Print(c.Out, all, func() error { return printOrders(c, all) })
	}
}

func printOrders(c cli.Console, all []record.Order) error {
	var rows [][]string
	for _, o := range all {
		rows = append(rows, []string{cli.Moment(o.At), o.Name, cmp.Or(o.How, "-"), cmp.Or(o.From, "-"), string(o.Action),
			cmp.Or(o.Service, "-"), cmp.Or(o.Region, "-"), cmp.Or(o.Subject, "-"), cmp.Or(o.Reason, "-")})
	}
	return c.Table("AT BY HOW FROM ORDER SERVICE REGION ABOUT REASON", rows)
}
