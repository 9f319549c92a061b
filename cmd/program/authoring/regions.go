package authoring

import (
	"errors"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/daemon"
	"github.com/autorollback/autorollback/runbook"
)

// regionFlags say where regions are, and which of them is meant.
type regionFlags struct{ file, region *string }

func (f *regionFlags) declare(cmd *kingpin.CmdClause) {
	f.file = regionsFileFlag(cmd)
	f.region = cmd.Flag("region", "The rules of this region's own Prometheus; needs --regions.file.").String()
}

func regionsFileFlag(cmd *kingpin.CmdClause) *string {
	return cmd.Flag("regions.file", "Where each region's store and Prometheus are, as the daemon has it; without it all regions share one of each.").String()
}

// load reads the runbooks as they are in the region that is meant, or in all.
func (f regionFlags) load(paths []string) ([]*runbook.Runbook, error) {
	places, err := daemon.Places(*f.file)
	if err != nil {
		return nil, err
	}
	all, err := places.LoadAll(paths...)
	if err != nil || *f.region == "" {
		return all, err
	}
	if _, ok := places[*f.region]; !ok {
		return nil, cli.Usage(fmt.Errorf("--region %s: name the file that has it, --regions.file", *f.region))
	}
	var own []*runbook.Runbook
	for _, rb := range all {
		if rb.HasRegion(*f.region) {
			own = append(own, rb.Only(*f.region, places.Alone(*f.region)))
		}
	}
	if len(own) == 0 {
		return nil, cli.Usage(errors.New("no runbook is for region " + *f.region))
	}
	return own, nil
}
