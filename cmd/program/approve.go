package program

import (
	"context"
	"fmt"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/cmd/internal/cli"
)

// approvalCommands are the command-line twins of the link.
func approvalCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	all := map[string]cli.Action{}
	for _, one := range [][2]string{
		{"approve", "Approve a question, as its link does. Example: autorollback approve 0123… --service ranker"},
		{"reject", "Reject a question; it needs a reason. Example: autorollback reject 0123… --service ranker --reason 'expected during the backfill'"},
	} {
		name, help := one[0], one[1]
		cmd := app.Command(name, help)
		out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
		id := cmd.Arg("id", "The approval's id.").HintAction(r.Approvals).Required().String()
		service := cmd.Flag("service", "The service's name, typed as a check.").HintAction(r.Services).Required().String()
		reason := cmd.Flag("reason", "The reason; it is recorded.").String()
		tokenFile := cmd.Flag("token-file", "File with the link's token, where the daemon lets nobody sign in; - is standard input.").String()
		anyway := false
		if name == "approve" {
			cmd.Flag("anyway", "Roll back even though the trigger no longer breaches.").BoolVar(&anyway)
		}
		all[name] = func(ctx context.Context) error {
			client, err := r.Client()
			if err != nil {
				return err
			}
			var token []byte
			if *tokenFile != "" {
				if token, err = cli.ReadFile(c.In, *tokenFile); err != nil {
					return fmt.Errorf("read the link's token: %w", err)
				}
			}
			a, err := client.Answer(ctx, *id, api.Decision{Decision: name, Service: *service, Reason: *reason, Anyway: anyway, Token: strings.TrimSpace(string(token))})
			if err != nil {
				return err
			}
			return out.Line(c.Out, a, "%s: %s by %s (%s); autorollback incident show %s", a.ID, a.Status, a.By, a.How, a.Incident)
		}
	}
	return all
}
