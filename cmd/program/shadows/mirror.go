package shadows

import (
	"context"
	"fmt"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

func shadowStart(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("start", "Have the router copy a share of the requests to the candidate for a planned time; its answers are thrown away. Example: autorollback shadow start --service ranker --percent 10 --for 24h")
	out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	service := cmd.Flag("service", "The service.").HintAction(r.Services).Required().String()
	region := cmd.Flag("region", "The region.").Default(runbook.DefaultRegion).String()
	var o runbook.MirrorOrder
	cmd.Flag("backend", "The backend that gets the copies; default: the only one of the router's mirror.").StringVar(&o.Backend)
	cmd.Flag("percent", "The share of the requests; 5 to 10 is usual.").Default(fmt.Sprint(runbook.MirrorPercent)).IntVar(&o.Percent)
	span := cmd.Flag("for", "The planned time, e.g. 24h; the daemon switches the mirror off then.").Required().String()
	cmd.Flag("allow-more", fmt.Sprintf("Allow more than %d %%; the candidate must bear it.", runbook.MirrorPercent)).BoolVar(&o.AllowMore)
	return cmd.FullCommand(), func(ctx context.Context) error {
		var err error
		if o.For, err = runbook.ParseDuration(*span); err != nil {
			return cli.Usage(fmt.Errorf("--for: %w", err))
		}
		return mirror(ctx, c, r, out, func(client api.Client) (record.Mirror, error) {
			return client.StartMirror(ctx, *service, *region, o)
		})
	}
}

func shadowStop(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("stop", "Switch the mirror off before its planned end. Example: autorollback shadow stop --service ranker --reason 'the candidate falls over'")
	out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	service := cmd.Flag("service", "The service.").HintAction(r.Services).Required().String()
	region := cmd.Flag("region", "The region.").Default(runbook.DefaultRegion).String()
	reason := cmd.Flag("reason", "The reason; it is recorded.").Required().String()
	return cmd.FullCommand(), func(ctx context.Context) error {
		return mirror(ctx, c, r, out, func(client api.Client) (record.Mirror, error) {
			return client.StopMirror(ctx, *service, *region, *reason)
		})
	}
}

func mirror(ctx context.Context, c cli.Console, r *cli.Remote, out *cli.Output, do func(api.Client) (record.Mirror, error)) error {
	client, err := r.Client()
	if err != nil {
		return err
	}
	m, err := do(client)
	if err != nil {
		return err
	}
	return out.Line(c.Out, m, "%s", mirrorLine(m))
}

func mirrorLine(m record.Mirror) string {
	if !m.On() {
		return fmt.Sprintf("%s: nothing is mirrored to %s any more: %s", m.Service, m.Backend, m.Ended)
	}
	return fmt.Sprintf("%s: %d %% of the requests are mirrored to %s until %s", m.Service, m.Percent, m.Backend, cli.Moment(m.Until))
}

func shadowStatus(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("status", "Show what is mirrored, and the recorded verdicts. Example: autorollback shadow status ranker")
	out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	service := cmd.Arg("service", "Only this service.").HintAction(r.Services).String()
	return cmd.FullCommand(), func(ctx context.Context) error {
		client, err := r.Client()
		if err != nil {
			return err
		}
		st, err := client.Status(ctx)
		if err != nil {
			return err
		}
		found := Shadowed{Mirrors: []record.Mirror{}, Verdicts: []record.ShadowVerdict{}}
		for _, m := range st.Mirrors {
			if *service == "" || m.Service == *service {
				found.Mirrors = append(found.Mirrors, m)
			}
		}
		for _, v := range st.Shadow {
			if *service == "" || v.Service == *service {
				found.Verdicts = append(found.Verdicts, v)
			}
		}
		return out.Print(c.Out, found, func() error { return found.tables(c) })
	}
}

// Shadowed is what shadow status prints for programs.
type Shadowed struct {
	Mirrors  []record.Mirror        `json:"mirrors"`
	Verdicts []record.ShadowVerdict `json:"verdicts"`
}

func (s Shadowed) tables(c cli.Console) error {
	var rows [][]string
	for _, m := range s.Mirrors {
		rows = append(rows, []string{m.Service, m.Region, m.Backend, fmt.Sprintf("%d%%", m.Percent), cli.Moment(m.StartedAt), cli.Moment(m.Until), m.StartedBy, mirrorState(m)})
	}
	if err := c.Table("SERVICE REGION MIRRORED-TO SHARE SINCE UNTIL BY STATE", rows); err != nil {
		return err
	}
	fmt.Fprintln(c.Out)
	rows = nil
	for _, v := range s.Verdicts {
		rows = append(rows, []string{v.Service, brief(v.Candidate), brief(v.Stable), v.Verdict, v.Rule, cli.Moment(v.At), v.By, v.Reason})
	}
	return c.Table("SERVICE CANDIDATE STABLE VERDICT RULE AT BY WHY", rows)
}

func mirrorState(m record.Mirror) string {
	switch {
	case !m.On():
		return "ended " + cli.Moment(m.EndedAt) + ": " + m.Ended
	case m.Held != nil:
		return "held: somebody changed the percent: " + m.Held.Found
	case m.Waiting != "":
		return m.Waiting
	}
	return "on, " + runbook.Duration(max(time.Until(m.Until), 0).Round(time.Second)).String() + " left"
}
