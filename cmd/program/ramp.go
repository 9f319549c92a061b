package program

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// aim declares the flags that name one release and need no reason.
func aim(cmd *kingpin.CmdClause) target {
	none, r := "", cli.RemoteFlags(cmd)
	return target{
		service: cmd.Arg("service", "The service.").HintAction(r.Services).Required().String(),
		region:  cmd.Flag("region", "The region.").Default(runbook.DefaultRegion).String(),
		reason:  &none, remote: r, output: cli.OutputFlag(cmd),
	}
}

// order makes a command out of what a client does to a release.
func (t target) order(c cli.Console, do func(context.Context, api.Client) (record.Release, error)) cli.Action {
	return func(ctx context.Context) error {
		client, err := t.remote.Client()
		if err != nil {
			return err
		}
		rel, err := do(ctx, client)
		if err != nil {
			return err
		}
		return t.output.Line(c.Out, rel, "%s", stands(rel))
	}
}

// stands says in a line where a release is on its ramp.
func stands(rel record.Release) string {
	if rel.Phase == record.Closed {
		return fmt.Sprintf("%s: %s is proved and the last known good; the release is closed", rel.ID, rel.Candidate.Version)
	}
	line := fmt.Sprintf("%s: %v %% to %s, the rest to %s", rel.ID, rel.Weight, rel.Candidate.Version, rel.Stable.Version)
	if rel.Waiting != "" {
		line += "; next step: " + rel.Waiting
	}
	return line
}

func releasePromote(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("promote", "Take the next step of the ramp now, if a rollback is possible and nothing objects; at its end, close the release. Example: autorollback release promote ranker")
	t := aim(cmd)
	return cmd.FullCommand(), t.order(c, func(ctx context.Context, client api.Client) (record.Release, error) {
		return client.Promote(ctx, *t.service, *t.region)
	})
}

func releaseFlip(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("flip", "Move all but the holdback to green in one transaction, after a check that green is warm. Back: rollback. Example: autorollback release flip ranker")
	t := aim(cmd)
	return cmd.FullCommand(), t.order(c, func(ctx context.Context, client api.Client) (record.Release, error) {
		return client.Flip(ctx, *t.service, *t.region)
	})
}

func releaseHold(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("hold", "Stop the ramp where it is; a breach still rolls back. Example: autorollback release hold ranker --reason 'conversion looks odd'")
	t := targetFlags(cmd)
	return cmd.FullCommand(), t.order(c, func(ctx context.Context, client api.Client) (record.Release, error) {
		return client.Hold(ctx, *t.service, *t.region, *t.reason)
	})
}

func releaseResume(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("resume", "Continue a ramp that was stopped, frozen or held, once you have looked. Example: autorollback release resume ranker --reason 'the database is back'")
	t := targetFlags(cmd)
	return cmd.FullCommand(), t.order(c, func(ctx context.Context, client api.Client) (record.Release, error) {
		return client.Resume(ctx, *t.service, *t.region, *t.reason)
	})
}

func releasePlan(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("plan", "Show how long each step of the ramp takes at the traffic of the last hour, and which triggers can decide at it. Example: autorollback release plan ranker")
	t := aim(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		client, err := t.remote.Client()
		if err != nil {
			return err
		}
		plan, err := client.RampPlan(ctx, *t.service, *t.region)
		if err != nil {
			return err
		}
		return t.output.Print(c.Out, plan, func() error { return printPlan(c, plan) })
	}
}

func printPlan(c cli.Console, p view.RampPlan) error {
	w := c.Out
	traffic := fmt.Sprintf("at %.4g requests/s", p.Rate)
	if p.Problem != "" {
		traffic = "the traffic is not known (" + p.Problem + "), so neither is what the triggers can decide"
	}
	fmt.Fprintf(w, "%s in %s: %s, promoted: %s; %s\n\n", p.Service, p.Region, p.Strategy, p.Promote, traffic)
	rows := [][]string{}
	for _, s := range p.Steps {
		need := "-"
		if s.Need > 0 {
			need = s.Need.String()
		}
		here := ""
		if !p.Since.IsZero() && s.Weight == p.Weight {
			here = "<- since " + cli.Moment(p.Since)
		}
		rows = append(rows, []string{s.Weight.String() + "%", s.For.String(), need, s.Through.String(), cmp.Or(strings.Join(s.Decide, ","), "-"), here})
	}
	if err := c.Table("WEIGHT FOR NEED THROUGH CAN-DECIDE NOW", rows); err != nil {
		return err
	}
	for _, s := range p.Steps {
		for _, cannot := range s.Cannot {
			fmt.Fprintf(w, "at %v%% %s cannot decide: %s\n", s.Weight, cannot.Trigger, cmp.Or(cannot.Why, "no reason is known"))
		}
	}
	if p.Waiting != "" {
		fmt.Fprintf(w, "\nnext step: %s\n", p.Waiting)
	}
	return nil
}
