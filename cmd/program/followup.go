package program

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
)

func incidentFollowUp(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("followup", "Write what comes after an incident as files to edit. They are the review, a draft of the trigger that would have been earlier "+
		"with how often it would have fired before, and the ramp for the next try. Example: autorollback incident followup inc-0123456789ab -O followup/")
	dir := cmd.Flag("output-dir", "The folder to write; a file in it that is there already is not replaced.").Short('O').Default("followup").String()
	out, r := cli.OutputFlag(cmd), cli.RemoteFlags(cmd)
	id := cmd.Arg("id", "The incident's id.").HintAction(r.Incidents).Required().String()
	return cmd.FullCommand(), func(ctx context.Context) error {
		client, err := r.Client()
		if err != nil {
			return err
		}
		found, err := client.FollowUp(ctx, *id)
		if err != nil {
			return err
		}
		return out.Print(c.Out, found, func() error {
			for _, name := range slices.Sorted(maps.Keys(found.Files)) {
				path := filepath.Join(*dir, filepath.Base(name))
				if err := cli.WriteNew(path, []byte(found.Files[name])); err != nil {
					return fmt.Errorf("write %s: %w", path, err)
				}
				fmt.Fprintln(c.Out, path)
			}
			return nil
		})
	}
}
