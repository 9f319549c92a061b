package program

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// rollbackAll rolls a service back in all of its regions. One that does not answer makes the
// result partial.
func rollbackAll(ctx context.Context, c cli.Console, client api.Client, t target) error {
	all, err := client.RollbackAll(ctx, *t.service, *t.reason)
	if err != nil {
		return err
	}
	var pending []string
	for _, o := range all {
		if o.Problem != "" {
			pending = append(pending, o.Region)
		}
	}
	var whole any = all
	if len(all) == 1 {
		whole = all[0].Incident
	}
	err = t.output.Print(c.Out, whole, func() error {
		for _, o := range all {
			if len(all) > 1 {
				fmt.Fprintf(c.Out, "%s: ", o.Region)
			}
			if err := printOutcome(c.Out, o); err != nil {
				return err
			}
		}
		return nil
	})
	return cli.Join(err, partial(pending))
}

func printOutcome(w io.Writer, o view.RegionOutcome) error {
	switch {
	case o.Incident != nil:
		return printRollback(w, *o.Incident)
	case o.Pending != "":
		fmt.Fprintf(w, "pending: its store does not answer (%s); it is tried again until it does (%s)\n", o.Problem, o.Pending)
	case o.Problem != "":
		fmt.Fprintf(w, "not rolled back, and nobody will try again: %s\n", o.Problem)
	default:
		fmt.Fprintln(w, "nothing is done:", o.Refused)
	}
	return nil
}

func partial(pending []string) error {
	if len(pending) == 0 {
		return nil
	}
	return cli.Wanting("partial: not rolled back yet in " + strings.Join(pending, ", "))
}

// printRegions says how far releases through several regions have come, side by side, and which
// regions do not answer.
func printRegions(c cli.Console, st view.Status) error {
	var rows [][]string
	for _, p := range st.Progress {
		for _, s := range p.Steps {
			rows = append(rows, []string{p.Service, p.Version, s.Region, s.State, s.Weight.String() + "%", cmp.Or(s.Incident, "-"), cmp.Or(s.Lost, s.Text)})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(c.Out)
		if err := c.Table("SERVICE VERSION REGION STATE WEIGHT INCIDENT NOTE", rows); err != nil {
			return err
		}
	}
	for _, a := range st.Anchors {
		if altered := a.Altered(); altered != "" {
			fmt.Fprintln(c.Out, altered+"; see: autorollback audit verify incidents/journal.jsonl")
		}
	}
	for _, lost := range st.Lost {
		fmt.Fprintf(c.Out, "region %s does not answer: %s\n", lost.Region, lost.Problem)
	}
	return nil
}

// printPending has a line for each write of a release that is decided and not carried out yet.
func printPending(w io.Writer, rels []record.Release) {
	for _, rel := range rels {
		for _, p := range rel.Pending {
			fmt.Fprintf(w, "pending since %s: %s in %s: %s\n", cli.Moment(p.Since), rel.Service, rel.Region, p.NotYet())
		}
	}
}
