package program

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// releaseCommands are what is done to a release, in the order in which it comes up. They go through the
// daemon's API.
func releaseCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("release", "Start, look at and roll back releases.")
	all := map[string]cli.Action{}
	declared := []func(*kingpin.CmdClause, cli.Console) (string, cli.Action){releaseStart, releaseStatus, releasePlan, releasePromote, releaseHold, releaseResume, releaseFlip, releaseWait, releaseLetGo, releaseLift, formerRollback}
	for _, declare := range declared {
		name, a := declare(cmd, c)
		all[name] = a
	}
	return all
}

func releaseStart(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("start", "Record both bundles and set the first weights. Example: autorollback release start -f release.yaml")
	file := cmd.Flag("file", "The release file; - is standard input.").Short('f').Required().String()
	unproved := cmd.Flag("stable-not-proved", "Accept a stable side that is not the recorded last known good: a rollback goes to it. Needs --reason.").Bool()
	reason := cmd.Flag("reason", "The reason; it is recorded with your name.").String()
	safer := cmd.Flag("safer", "Use a more careful ramp, drafted from the incident of the release before: it begins at half the share at which that broke, and each step lasts twice as long and asks a human.").Bool()
	region := cmd.Flag("region", "Start in this region alone. Default: in the first region of the release file, or else of the runbook, and in the next one once that is proved.").String()
	out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		if *unproved != (*reason != "") {
			return cli.Usage(errors.New("--stable-not-proved and --reason belong together"))
		}
		text, err := cli.ReadFile(c.In, *file)
		if err != nil {
			return fmt.Errorf("read release: %w", err)
		}
		if _, err := runbook.ParseLaunch(*file, text); err != nil {
			return err
		}
		client, err := r.Client()
		if err != nil {
			return err
		}
		rel, err := client.StartWith(ctx, text, api.StartOptions{NotProved: *reason, Safer: *safer, Region: *region})
		if err != nil {
			return err
		}
		return out.Print(c.Out, rel, func() error { return printStart(c, rel) })
	}
}

func printStart(c cli.Console, rel record.Release) error {
	fmt.Fprintf(c.Out, "%s: %s in %s, %v %% to %s, the rest to %s\n", rel.ID, rel.Service, rel.Region, rel.Weight, rel.Candidate.Version, rel.Stable.Version)
	if rel.Rollout != nil {
		fmt.Fprintf(c.Out, "its ramp, safer than that of %s: %s\n", rel.SaferThan, rel.Rollout)
	}
	if p := rel.Regions; p != nil {
		fmt.Fprintf(c.Out, "then, each when the one before is proved: %s\n", strings.Join(p.Regions[1:], ", "))
	}
	for _, w := range rel.Unarmed {
		fmt.Fprintln(c.Err, c.State("warning")+": not armed:", w)
	}
	return nil
}

// target declares the flags that name one release.
type target struct {
	service, region, reason *string
	remote                  *cli.Remote
	output                  *cli.Output
}

func targetFlags(cmd *kingpin.CmdClause) target {
	r := cli.RemoteFlags(cmd)
	return target{
		service: cmd.Arg("service", "The service.").HintAction(r.Services).Required().String(),
		region:  cmd.Flag("region", "The region.").Default(runbook.DefaultRegion).String(),
		reason:  cmd.Flag("reason", "The reason; it is recorded.").Required().String(),
		remote:  r, output: cli.OutputFlag(cmd),
	}
}

func releaseLetGo(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("accept-split", "Accept a split that somebody else set, and continue the release that is held because of it. Example: autorollback release accept-split ranker --reason 'I set it to 10 % by hand'")
	t := targetFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		client, err := t.remote.Client()
		if err != nil {
			return err
		}
		rel, err := client.AcceptSplit(ctx, *t.service, *t.region, *t.reason)
		if err != nil {
			return err
		}
		return t.output.Line(c.Out, rel, "%s continues with %v %% to %s", rel.ID, rel.Weight, rel.Candidate.Version)
	}
}

// lifted is what release lift prints for programs.
type lifted struct {
	Bundle string `json:"bundle"`
}

func releaseLift(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("lift", "Lift the quarantine of a bundle. Example: autorollback release lift sha256:… --reason 'the encoder was fixed in place'")
	digest := cmd.Arg("bundle", "The bundle's digest.").Required().String()
	reason := cmd.Flag("reason", "The reason; it is recorded with your name.").Required().String()
	out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		client, err := r.Client()
		if err != nil {
			return err
		}
		if err := client.Lift(ctx, *digest, *reason); err != nil {
			return err
		}
		return out.Line(c.Out, lifted{*digest}, "%s may be started again", *digest)
	}
}
