// Command autorollback rolls back bad machine-learning model releases by itself, and
// proves that the service recovered. See README.md for what it does and never does.
package main

import (
	_ "time/tzdata" // schedules name timezones; a bare container has no zone files

	"github.com/autorollback/autorollback/cmd/internal/cli"
)

// version is set by the linker.
var version = "dev"

func program() cli.Program {
	return cli.Program{
		Name: "autorollback", Help: "Rolls back bad model releases and proves that the service recovered.", Version: version,
		Commands: []cli.Declare{
			serveCommand, runbookCommands, rulesCommands, releaseCommands, incidentCommands, approvalCommands,
			controlCommands, auditCommands, healthyCommand, shadowCommands, gamedayCommands,
		},
	}
}

func main() { program().Main() }
