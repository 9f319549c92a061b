package program

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/web"
)

// releaseCommands are release start, status, wait, accept-split and lift, and those of the ramp. They go
// through the daemon's API.
func releaseCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("release", "Start, look at and roll back releases.")
	all := map[string]cli.Action{}
	declared := []func(*kingpin.CmdClause, cli.Console) (string, cli.Action){releaseStart, releaseStatus, releaseLetGo, releaseLift, releaseWait, formerRollback}
	for _, declare := range append(declared, rampCommands()...) {
		name, a := declare(cmd, c)
		all[name] = a
	}
	return all
}

func releaseStart(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("start", "Record both bundles and set the first weights. Example: autorollback release start -f release.yaml")
	file := cmd.Flag("file", "The release file; - is standard input.").Short('f').Required().String()
	unproved := cmd.Flag("stable-not-proved", "The stable side is not the last known good that is recorded, and shall be what a rollback goes to; needs --reason.").Bool()
	reason := cmd.Flag("reason", "Why; it is kept with your name.").String()
	safer := cmd.Flag("safer", "On a ramp that is drafted from the incident of the release before: half of the share at which it broke comes first, each step lasts twice as long, and a human is asked at each.").Bool()
	region := cmd.Flag("region", "Start in this region alone; default: in the first of those that the release file names, or the runbook, and in the next one when that is proved.").String()
	out, r := cli.Format(cmd), remoteFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		if *unproved != (*reason != "") {
			return cli.Usage(errors.New("--stable-not-proved and --reason belong together"))
		}
		text, err := readFile(c.In, *file)
		if err != nil {
			return fmt.Errorf("read release: %w", err)
		}
		if _, err := runbook.ParseLaunch(*file, text); err != nil {
			return err
		}
		client, err := r.client()
		if err != nil {
			return err
		}
		rel, err := client.StartWith(ctx, text, web.StartOptions{NotProved: *reason, Safer: *safer, Region: *region})
		if err != nil {
			return err
		}
		if *out == "json" {
			return cli.PrintJSON(c.Out, rel)
		}
		fmt.Fprintf(c.Out, "%s: %s in %s, %v %% to %s, the rest to %s\n", rel.ID, rel.Service, rel.Region, rel.Weight, rel.Candidate.Version, rel.Stable.Version)
		if rel.Rollout != nil {
			fmt.Fprintf(c.Out, "its ramp, safer than that of %s: %s\n", rel.SaferThan, rel.Rollout)
		}
		if p := rel.Regions; p != nil {
			fmt.Fprintf(c.Out, "then, each when the one before is proved: %s\n", strings.Join(p.Regions[1:], ", "))
		}
		for _, w := range rel.Unarmed {
			fmt.Fprintln(c.Err, "warning: not armed:", w)
		}
		return nil
	}
}

func releaseStatus(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("status", "Show releases. Example: autorollback release status ranker")
	service := cmd.Arg("service", "Only this service.").String()
	out, r := cli.Format(cmd), remoteFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		st, err := client.Status(ctx)
		if err != nil {
			return err
		}
		rels := []record.Release{}
		for _, rel := range st.Releases {
			if *service == "" || rel.Service == *service {
				rels = append(rels, rel)
			}
		}
		here := func(r record.RulesCheck) bool { return r.Service == *service }
		if *service != "" && len(rels) == 0 && !slices.ContainsFunc(st.Rules, here) {
			return fmt.Errorf("service %s: %w: the daemon has no runbook of it", *service, runbook.ErrNotFound)
		}
		if *out == "json" {
			return cli.PrintJSON(c.Out, rels)
		}
		var rows [][]string
		for _, rel := range rels {
			note := or(rel.Frozen, rel.Waiting)
			if rel.Held != nil {
				note = fmt.Sprintf("held: somebody changed the split to %v", rel.Held.Found)
			}
			if why := rel.NoRollback(); why != "" {
				note = strings.TrimSuffix(why+" "+note, " ")
			}
			for _, b := range st.Behind {
				if b.Service == rel.Service && b.Region == rel.Region {
					note = strings.TrimSuffix("the store went back in time, autorollback recover "+rel.Service+": "+b.Why+" "+note, " ")
				}
			}
			for _, i := range rel.Applied.Late() {
				if !strings.Contains(note, i.Address) {
					note = strings.TrimPrefix(note+"; router instance "+i.Address+" does not follow", "; ")
				}
			}
			for _, rules := range st.Rules {
				if drift := rules.Drifted(); rules.Service == rel.Service && drift != "" {
					note = strings.TrimPrefix(note+"; not armed: "+drift, "; ")
				}
			}
			rows = append(rows, []string{rel.Service, rel.Region, string(rel.Phase), rel.Stable.Version + " " + rel.Weight.Rest().String() + "%",
				rel.Candidate.Version + " " + rel.Weight.String() + "%", moment(rel.StartedAt), standby(rel), passed(st.Shadow, rel), or(rel.Incident, "-"), note})
		}
		if err := cli.Table(c.Out, "SERVICE REGION PHASE STABLE CANDIDATE STARTED STANDBY SHADOW INCIDENT NOTE", rows); err != nil {
			return err
		}
		for _, w := range st.Waiting {
			if *service == "" || w.Service == *service || w.Service == "" {
				fmt.Fprintf(c.Out, "waits for a second person until %s: %s; %s ordered it: %s\n", moment(w.Waits), w.Text, w.Name, w.Reason)
			}
		}
		printPending(c.Out, rels)
		return printRegions(c.Out, st, *service)
	}
}

// standby is whether a rollback is possible, in a word.
func standby(rel record.Release) string {
	if rel.Standby == nil {
		return "-"
	}
	return string(rel.Standby.State)
}

// target declares the flags that name one release.
type target struct {
	service, region, reason *string
	remote                  *remote
	format                  *string
}

func targetFlags(cmd *kingpin.CmdClause) target {
	return target{
		service: cmd.Arg("service", "The service.").Required().String(),
		region:  cmd.Flag("region", "The region.").Default(runbook.DefaultRegion).String(),
		reason:  cmd.Flag("reason", "Why; it is kept.").Required().String(),
		remote:  remoteFlags(cmd), format: cli.Format(cmd),
	}
}

func releaseLetGo(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("accept-split", "Accept a split that somebody else set, and continue the release that is held because of it. Example: autorollback release accept-split ranker --reason 'I set it to 10 % by hand'")
	t := targetFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		client, err := t.remote.client()
		if err != nil {
			return err
		}
		rel, err := client.AcceptSplit(ctx, *t.service, *t.region, *t.reason)
		if err != nil {
			return err
		}
		if *t.format == "json" {
			return cli.PrintJSON(c.Out, rel)
		}
		fmt.Fprintf(c.Out, "%s continues with %v %% to %s\n", rel.ID, rel.Weight, rel.Candidate.Version)
		return nil
	}
}

func releaseLift(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("lift", "Lift the quarantine of a bundle. Example: autorollback release lift sha256:… --reason 'the encoder was fixed in place'")
	digest := cmd.Arg("bundle", "The bundle's digest.").Required().String()
	reason := cmd.Flag("reason", "Why; it is kept with your name.").Required().String()
	r := remoteFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		if err := client.Lift(ctx, *digest, *reason); err != nil {
			return err
		}
		fmt.Fprintf(c.Out, "%s may be started again\n", *digest)
		return nil
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
