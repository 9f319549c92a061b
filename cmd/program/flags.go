package program

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/runbook"
)

// flagsCommands are flags export.
func flagsCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("flags", "The feature flags of bundles.")
	export := cmd.Command("export", "Print a service's flags as another flag system reads them; what that has no place for is named on standard error. Example: autorollback flags export ranker --format=flagd")
	daemon := cli.RemoteFlags(export)
	service := export.Arg("service", "The service.").HintAction(daemon.Services).Required().String()
	region := export.Flag("region", "The region.").Default(runbook.DefaultRegion).String()
	format := export.Flag("format", "flagd or goff (go-feature-flag).").Required().Enum("flagd", "goff")
	return map[string]cli.Action{export.FullCommand(): func(ctx context.Context) error {
		client, err := daemon.Client()
		if err != nil {
			return err
		}
		e, err := client.ExportFlags(ctx, *service, *region, *format)
		if err != nil {
			return err
		}
		for _, text := range e.LeftOut {
			fmt.Fprintln(c.Err, "left out: "+text)
		}
		return cli.PrintJSON(c.Out, e.Document)
	}}
}
