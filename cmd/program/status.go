package program

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// statusCommands are status, and watch, which is status that stays.
func statusCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	status := app.Command("status", "Show the automation mode, releases, open incidents, and who must answer. Example: autorollback status\nautorollback status ranker --watch\nautorollback status -o json")
	watch := app.Command("watch", "The same as status --watch: show changes until Ctrl-C. Example: autorollback watch\nautorollback watch ranker --every=5s")
	return map[string]cli.Action{
		status.FullCommand(): showStatus(status, c, cli.WatchFlags(status), wholeStatus),
		watch.FullCommand():  showStatus(watch, c, cli.WatchAlways(watch), wholeStatus),
	}
}

func releaseStatus(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("status", "Show releases in full. Example: autorollback release status ranker")
	return cmd.FullCommand(), showStatus(cmd, c, cli.WatchFlags(cmd), releasesAlone)
}

// showStatus is a command that shows what is known of one service, or of all.
func showStatus(cmd *kingpin.CmdClause, c cli.Console, watch *cli.Watch, show func(cli.Console, *cli.Output, view.Status) error) cli.Action {
	out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	service := cmd.Arg("service", "Only this service.").HintAction(r.Services).String()
	return func(ctx context.Context) error {
		client, err := r.Client()
		if err != nil {
			return err
		}
		return watch.Run(ctx, c, func(ctx context.Context, c cli.Console) error {
			st, err := client.Status(ctx)
			if err != nil {
				return err
			}
			if *service != "" {
				if st, err = ofService(st, *service); err != nil {
					return err
				}
			}
			return show(c, out, st)
		})
	}
}

func wholeStatus(c cli.Console, out *cli.Output, st view.Status) error {
	return out.Print(c.Out, st, func() error {
		fmt.Fprintln(c.Out, modeLine(c, st.Control))
		return cli.Join(printShort(c, st), printOpen(c, st), printWaits(c, st))
	})
}

func releasesAlone(c cli.Console, out *cli.Output, st view.Status) error {
	return out.Print(c.Out, st.Releases, func() error { return cli.Join(printReleases(c, st), printWaits(c, st)) })
}

// printShort has what counts of each release, narrow enough for a phone.
func printShort(c cli.Console, st view.Status) error {
	if len(st.Releases) == 0 {
		_, err := fmt.Fprintln(c.Out, "no release is known")
		return err
	}
	var rows [][]string
	for _, rel := range st.Releases {
		rows = append(rows, []string{place(rel.Service, rel.Region), stateOf(st, rel), traffic(rel), noteOf(st, rel)})
	}
	fmt.Fprintln(c.Out)
	return c.Table("SERVICE STATE TRAFFIC NOTE", rows)
}

func printReleases(c cli.Console, st view.Status) error {
	var rows [][]string
	for _, rel := range st.Releases {
		rows = append(rows, []string{rel.Service, rel.Region, string(rel.Phase), rel.Stable.Version + " " + rel.Weight.Rest().String() + "%",
			rel.Candidate.Version + " " + rel.Weight.String() + "%", cli.Moment(rel.StartedAt), standby(rel), passed(st.Shadow, rel), cmp.Or(rel.Incident, "-"), noteOf(st, rel)})
	}
	return c.Table("SERVICE REGION PHASE STABLE CANDIDATE STARTED STANDBY SHADOW INCIDENT NOTE", rows)
}

// printOpen has the incidents that are not over, and what each asks of people.
func printOpen(c cli.Console, st view.Status) error {
	open := slices.DeleteFunc(slices.Clone(st.Incidents), func(i record.Incident) bool { return i.Phase == record.Done })
	if len(open) > 0 {
		fmt.Fprintln(c.Out)
		if err := printIncidents(c, open); err != nil {
			return err
		}
	}
	for _, a := range st.Approvals {
		fmt.Fprintf(c.Out, "%s for an answer until %s: %s\n", c.State("waits"), cli.Moment(a.ExpiresAt), asked(a))
		fmt.Fprintf(c.Out, "  yes: autorollback approve %s --service %s\n", a.ID, a.Service)
		fmt.Fprintf(c.Out, "  no:  autorollback reject %s --service %s --reason WHY\n", a.ID, a.Service)
	}
	return nil
}

// asked is what an approval asks, in words.
func asked(a record.Approval) string {
	what := map[string]string{record.RollbackApproval: "roll back %s?", record.AcceptSplit: "accept the split that somebody else set for %s?", record.Promotion: "take the next step of %s?"}
	return fmt.Sprintf(cmp.Or(what[a.Kind], "answer for %s?"), place(a.Service, a.Region))
}

// printWaits has what waits for people, stores and regions.
func printWaits(c cli.Console, st view.Status) error {
	for _, w := range st.Waiting {
		fmt.Fprintf(c.Out, "%s for a second person until %s: %s; %s ordered it: %s\n", c.State("waits"), cli.Moment(w.Waits), w.Text, w.Name, w.Reason)
	}
	for _, text := range []string{st.Archive.Says(), st.Holds.Says()} {
		if text != "" {
			fmt.Fprintln(c.Out, text)
		}
	}
	printPending(c.Out, st.Releases)
	return printRegions(c, st)
}

func place(service, region string) string {
	if region == runbook.DefaultRegion {
		return service
	}
	return service + " in " + region
}

func traffic(rel record.Release) string {
	return fmt.Sprintf("%s %v%%, %s %v%%", rel.Candidate.Version, rel.Weight, rel.Stable.Version, rel.Weight.Rest())
}

// stateOf is how a release stands, in a word or two.
func stateOf(st view.Status, rel record.Release) string {
	at := slices.IndexFunc(st.Incidents, func(i record.Incident) bool { return i.ID == rel.Incident && rel.Incident != "" })
	if at >= 0 {
		switch st.Incidents[at].Phase {
		case record.Acted, record.Verifying, record.Awaiting, record.Unconfirmed:
			return string(st.Incidents[at].Phase)
		}
	}
	switch {
	case rel.Phase == record.RolledBack:
		return "rolled back"
	case rel.Phase == record.Closed:
		return "proved"
	case rel.Held != nil:
		return "held"
	case rel.Stopped != nil:
		return "stopped"
	case rel.Frozen != "":
		return "frozen"
	}
	return "ramping"
}

// noteOf is what is to be known of a release beyond its state.
func noteOf(st view.Status, rel record.Release) string {
	note := cmp.Or(rel.Frozen, rel.Waiting)
	if rel.Held != nil {
		note = halted(rel)
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
	return note
}

// standby is whether a rollback is possible, in a word.
func standby(rel record.Release) string {
	if rel.Standby == nil {
		return "-"
	}
	return string(rel.Standby.State)
}

// passed is the verdict on a release's candidate in a few words.
func passed(all []record.ShadowVerdict, rel record.Release) string {
	for _, v := range all {
		if v.Candidate != rel.Candidate.Bundle {
			continue
		}
		word := v.Verdict
		if v.Stable != rel.Stable.Bundle {
			word += " against another stable bundle"
		}
		return word + " at " + cli.Moment(v.At)
	}
	return "-"
}
